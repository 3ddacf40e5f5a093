// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Traces;

/// <summary>What a run has come to, added up from its events: a recorded one and its replay are counted alike.</summary>
public sealed class RunFigures
{
    /// <summary>Faults of devices that were served.</summary>
    public long DeviceFaults { get; private set; }

    /// <summary>Faults of CPU threads, first touches too.</summary>
    public long CpuFaults { get; private set; }

    /// <summary>Bytes of pages that came to devices, copied or cleared there.</summary>
    public long BytesToDevices { get; private set; }

    /// <summary>Bytes of pages that came to RAM.</summary>
    public long BytesToRam { get; private set; }

    /// <summary>Runs of pages that were evicted.</summary>
    public long Evictions { get; private set; }

    /// <summary>Bytes of these.</summary>
    public long EvictedBytes { get; private set; }

    /// <summary>The figures with their names, in the order in which they are shown.</summary>
    public IReadOnlyList<(string Name, long Value)> All =>
    [
        ("device faults", DeviceFaults), ("CPU faults", CpuFaults), ("bytes to devices", BytesToDevices), ("bytes to RAM", BytesToRam), ("evictions", Evictions), ("evicted bytes", EvictedBytes),
    ];

    /// <summary>Counts an event.</summary>
    /// <param name="one">The event.</param>
    public void Add(in SvmEvent one)
    {
        switch (one.Kind)
        {
            case SvmEventKind.GpuFault when one.Status == SvmStatus.Done:
                DeviceFaults++;
                break;
            case SvmEventKind.CpuFault when one.Status == SvmStatus.Done:
                CpuFaults++;
                break;
            case SvmEventKind.Eviction:
                Evictions++;
                EvictedBytes += one.Bytes;
                break;
            case SvmEventKind.Migration when one.To == SvmPlace.Ram:
                BytesToRam += one.Bytes;
                break;
            case SvmEventKind.Migration:
                BytesToDevices += one.Bytes;
                break;
        }
    }
}
