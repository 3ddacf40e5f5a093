// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Locking;
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Simulation.Device;

/// <summary>An IOMMU that never gives a device address out twice, so that a stale one is always caught.</summary>
/// <remarks>Locking: one leaf lock.</remarks>
public sealed class SimulatedDmaMapper : IDmaMapper
{
    private readonly RankedLock _lock = new(LockRank.Leaf, "simulated IOMMU");
    private readonly Dictionary<ulong, DmaPointer> _pages = []; // By page of device address. Guarded by _lock.
    private ulong _next = 512; // The next page of device addresses. Guarded by _lock.

    /// <inheritdoc/>
    public long LivePages
    {
        get
        {
            using (_lock.Enter())
                return _pages.Count;
        }
    }

    /// <inheritdoc/>
    public SvmStatus Map(DmaPointer page, PageOrder order, bool writable, out DeviceAddress address)
    {
        using (_lock.Enter())
        using (AllocationWatch.Pause())
        {
            ulong first = (_next + (ulong)order.Pages - 1) & ~((ulong)order.Pages - 1);
            _next = first + (ulong)order.Pages;
            for (int i = 0; i < order.Pages; i++)
                _pages.Add(first + (ulong)i, page + ((long)i << PageSize.Shift));
            address = new DeviceAddress(first << PageSize.Shift, AddressProtocol.System, order, writable);
        }

        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">It is not mapped.</exception>
    public void Unmap(DeviceAddress address)
    {
        ulong first = address.Address >> PageSize.Shift;
        using (_lock.Enter())
        {
            for (ulong page = first; page < first + (ulong)address.Order.Pages; page++)
            {
                if (!_pages.Remove(page))
                    throw new InvalidOperationException($"Device address 0x{page << PageSize.Shift:x} is unmapped, and is not mapped.");
            }
        }
    }

    /// <summary>Where a device address leads.</summary>
    /// <param name="address">The mapping of one page, or of more: the first counts.</param>
    /// <returns>The host bytes.</returns>
    /// <exception cref="ScheduleFailedException">It is not mapped any more.</exception>
    internal DmaPointer Resolve(DeviceAddress address)
    {
        using (_lock.Enter())
        {
            return _pages.TryGetValue(address.Address >> PageSize.Shift, out DmaPointer pointer) ? pointer
                : throw new ScheduleFailedException(new ScheduleFailure(ScheduleFailureKind.LostByte, $"a unit uses device address 0x{address.Address:x}, which was unmapped before"));
        }
    }
}
