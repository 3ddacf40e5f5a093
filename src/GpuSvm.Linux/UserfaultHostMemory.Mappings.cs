// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Linux;

/// <content>Mappings and their protection, as the kernel has them at the moment of asking.</content>
public sealed partial class UserfaultHostMemory
{
    private const int MaxLooks = 16; // At a mapping whose protection changes while it is looked at.

    /// <inheritdoc/>
    public bool TryFindMapping(VirtualAddress address, out HostMapping mapping) => _known.TryFindMapping(address, out mapping);

    /// <inheritdoc/>
    public void NoticeChanges(AddressRange interval)
    {
        if (!_maps.IsAvailable)
            return;
        VirtualAddress at = interval.Start;
        while (at < interval.End && _known.TryFindMapping(at, out HostMapping mapping) && mapping.Interval.Start < interval.End)
        {
            for (int look = 0; look < MaxLooks && _known.Notes.NoteLosses(mapping); look++)
            {
                AnnounceProtection(mapping.Interval);
                if (!_known.TryFindMapping(at, out mapping)) // Who gave a right back meanwhile may have found nothing noted.
                    return;
            }

            at = mapping.Interval.End;
        }
    }

    /// <summary>Tells the client that a protection has changed, as an event would.</summary>
    /// <param name="interval">The mapping.</param>
    private void AnnounceProtection(AddressRange interval)
    {
        _client!.EnterEventGate();
        try
        {
            _client.ProtectionChanged(interval);
        }
        finally
        {
            _client.LeaveEventGate();
        }
    }

    /// <summary>Answers a query of memory that is used in place: devices reach it by calls that answer, and the kernel makes pages present by itself in them; so each counts as present.</summary>
    /// <param name="interval">The pages.</param>
    /// <param name="pages">The answer.</param>
    private static void DescribeInPlace(AddressRange interval, Span<HostPage> pages)
    {
        for (int page = 0; page < (int)interval.Pages; page++)
        {
            ulong address = interval.Start.Value + ((ulong)page << PageSize.Shift);
            pages[page] = new HostPage(new DmaPointer((nint)address), IsPresent: true, IsWritable: true, IsZero: false, PageOrder.Small);
        }
    }
}
