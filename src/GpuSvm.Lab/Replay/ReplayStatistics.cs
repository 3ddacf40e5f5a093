// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;

namespace GpuSvm.Lab.Replay;

/// <summary>Counts what the events of the machine tell: which pages came unasked, whether they were used, what was evicted and came back.</summary>
/// <param name="blocks">What the replay knows of pages.</param>
internal sealed class ReplayStatistics(ReplayBlocks blocks)
{
    /// <summary>CPU faults that brought pages home.</summary>
    public long CpuFaults { get; private set; }

    /// <summary>Evictions.</summary>
    public long Evictions { get; private set; }

    /// <summary>Pages evicted.</summary>
    public long EvictedPages { get; private set; }

    /// <summary>Pages that came back after an eviction.</summary>
    public long ThrashedPages { get; private set; }

    /// <summary>Pages that came unasked.</summary>
    public long PrefetchedPages { get; private set; }

    /// <summary>Of these, those that were used.</summary>
    public long PrefetchedPagesUsed { get; private set; }

    /// <summary>Pages that came because they faulted.</summary>
    public long DemandedPages { get; private set; }

    /// <summary>Times that the thrash policy stepped in.</summary>
    public long ThrashingDetected { get; private set; }

    /// <summary>Takes an event in.</summary>
    /// <param name="one">The event.</param>
    /// <param name="faulting">The page whose device fault is being served; null outside one.</param>
    public void Add(in SvmEvent one, ulong? faulting)
    {
        AddressRange interval = AddressRange.OfBytes(one.Address, one.Bytes);
        switch (one.Kind)
        {
            case SvmEventKind.CpuFault when one.Cause == MigrationCause.CpuFault:
                CpuFaults++;
                break;
            case SvmEventKind.Migration:
                blocks.DropCpu(interval);
                for (ulong page = interval.Start.PageNumber; page < interval.End.PageNumber; page++)
                    Moved(ref blocks.Of(page).Pages[ReplayBlocks.IndexOf(page)], one, page == faulting);
                break;
            case SvmEventKind.Eviction:
                Evictions++;
                break;
            case SvmEventKind.Invalidation or SvmEventKind.ReadDuplicate:
                blocks.DropCpu(interval.AlignOutward());
                break;
            case SvmEventKind.ThrashingDetected:
                ThrashingDetected++;
                break;
        }
    }

    /// <summary>Notes the first access of a device to a page since its translation was made.</summary>
    /// <param name="mark">The page's mark.</param>
    public void Used(ref PageMark mark)
    {
        if ((mark & PageMark.Unasked) != 0)
        {
            mark &= ~PageMark.Unasked;
            PrefetchedPagesUsed++;
        }
    }

    /// <summary>Notes that a page has moved.</summary>
    /// <param name="mark">The page's mark.</param>
    /// <param name="one">The migration.</param>
    /// <param name="isFaulting">Whether the page itself faulted.</param>
    private void Moved(ref PageMark mark, in SvmEvent one, bool isFaulting)
    {
        mark &= ~PageMark.Unasked;
        if (one.To == SvmPlace.Ram)
        {
            if (one.Cause != MigrationCause.Eviction)
                return;
            EvictedPages++;
            mark |= PageMark.Evicted;
            return;
        }

        if ((mark & PageMark.Evicted) != 0)
            ThrashedPages++;
        mark &= ~PageMark.Evicted;
        if (isFaulting)
        {
            DemandedPages++;
            return;
        }

        PrefetchedPages++;
        mark |= PageMark.Unasked;
    }
}
