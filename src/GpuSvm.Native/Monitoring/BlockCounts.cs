// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Native.Monitoring;

/// <summary>What has happened in 2 MiB of addresses.</summary>
internal record struct BlockCounts
{
    /// <summary>GPU faults handled.</summary>
    public long GpuFaults { get; set; }

    /// <summary>CPU faults served.</summary>
    public long CpuFaults { get; set; }

    /// <summary>Bytes that went to a device.</summary>
    public long BytesToDevice { get; set; }

    /// <summary>Bytes that came to RAM.</summary>
    public long BytesToRam { get; set; }

    /// <summary>Runs of pages pushed out to make room.</summary>
    public long Evictions { get; set; }

    /// <summary>How often the direction in which pages moved has changed.</summary>
    public long Turns { get; set; }

    /// <summary>Where pages moved last.</summary>
    public short LastTo { get; set; }

    /// <summary>How hot it is: in pages moved, a fault like one.</summary>
    public readonly long Weight => GpuFaults + CpuFaults + ((BytesToDevice + BytesToRam) >> PageSize.Shift);

    /// <summary>With one event more.</summary>
    /// <param name="one">The event.</param>
    /// <returns>The counts.</returns>
    public readonly BlockCounts With(in SvmEvent one)
    {
        BlockCounts counts = this;
        switch (one.Kind)
        {
            case SvmEventKind.GpuFault:
                counts.GpuFaults++;
                break;
            case SvmEventKind.CpuFault:
                counts.CpuFaults++;
                break;
            case SvmEventKind.Eviction:
                counts.Evictions++;
                break;
            case SvmEventKind.Migration:
                bool isHome = one.To == SvmPlace.Ram;
                counts.BytesToRam += isHome ? one.Bytes : 0;
                counts.BytesToDevice += isHome ? 0 : one.Bytes;
                counts.Turns += LastTo != SvmPlace.None && (LastTo == SvmPlace.Ram) != isHome ? 1 : 0;
                counts.LastTo = one.To;
                break;
            default:
                break;
        }

        return counts;
    }

    /// <summary>With those of a later time.</summary>
    /// <param name="later">They.</param>
    /// <returns>Both together.</returns>
    public readonly BlockCounts Plus(BlockCounts later) => new()
    {
        GpuFaults = GpuFaults + later.GpuFaults,
        CpuFaults = CpuFaults + later.CpuFaults,
        BytesToDevice = BytesToDevice + later.BytesToDevice,
        BytesToRam = BytesToRam + later.BytesToRam,
        Evictions = Evictions + later.Evictions,
        Turns = Turns + later.Turns,
        LastTo = later.LastTo,
    };
}
