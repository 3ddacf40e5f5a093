// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Lab.Explaining;
using GpuSvm.Lab.Replay;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Tests;

/// <summary>Traces made by hand, as a recorder of real runs writes them: events with durations, no accesses.</summary>
internal static class TraceExamples
{
    /// <summary>Where the first array lies.</summary>
    public static readonly VirtualAddress Start = new(0x7000_0000_0000);

    /// <summary>A mapping.</summary>
    public static AddressRange Map(ITraceSink sink, string name, long offset, long bytes)
    {
        AddressRange interval = AddressRange.OfBytes(Start + offset, bytes);
        sink.Mapping(new TraceMapping(interval, false, name));
        return interval;
    }

    /// <summary>A GPU fault that brings an interval.</summary>
    public static void Bring(ITraceSink sink, AddressRange interval, long time, long duration = 40_000, long page = 0)
    {
        sink.Event(new SvmEvent(SvmEventKind.Migration, interval.Start, interval.Bytes) { Timestamp = time - 1000, Duration = duration / 2, From = SvmPlace.Ram, To = 0, Cause = MigrationCause.GpuFault });
        sink.Event(new SvmEvent(SvmEventKind.GpuFault, interval.Start + (page << PageSize.Shift), PageSize.Bytes) { Timestamp = time, Duration = duration, To = 0, Access = MemoryAccess.Read });
    }

    /// <summary>A CPU fault that fetches an interval.</summary>
    public static void Fetch(ITraceSink sink, AddressRange interval, long time, long duration = 25_000, long page = 0)
    {
        sink.Event(new SvmEvent(SvmEventKind.Migration, interval.Start, interval.Bytes) { Timestamp = time - 1000, Duration = duration / 2, From = 0, To = SvmPlace.Ram, Cause = MigrationCause.CpuFault });
        sink.Event(new SvmEvent(SvmEventKind.CpuFault, interval.Start + (page << PageSize.Shift), PageSize.Bytes) { Timestamp = time, Duration = duration, To = SvmPlace.Ram, Cause = MigrationCause.CpuFault, Access = MemoryAccess.Write });
    }

    /// <summary>An eviction of one interval for another.</summary>
    public static void Evict(ITraceSink sink, AddressRange victim, AddressRange culprit, long time)
    {
        var one = new SvmEvent(SvmEventKind.Migration, victim.Start, victim.Bytes) { Timestamp = time, Duration = 9_000, From = 0, To = SvmPlace.Ram, Cause = MigrationCause.Eviction, Culprit = culprit.Start };
        sink.Event(one);
        sink.Event(one with { Kind = SvmEventKind.Eviction });
    }

    /// <summary>A run with a quarrel, an array too many, and a result: what pages of reports are tested with.</summary>
    public static void Write(ITraceSink sink)
    {
        AddressRange shared = Map(sink, "shared", 0, 4 << 20);
        AddressRange left = Map(sink, "left", 16 << 20, 2 << 20);
        AddressRange right = Map(sink, "right", 32 << 20, 2 << 20);
        long time = 1_000_000;
        for (int round = 0; round < 40; round++)
        {
            sink.Kernel(new TraceKernel(round, 0, false, "step") { Time = time += 20_000 });
            Bring(sink, shared, time += 60_000, 40_000 + (round * 500));
            if (round > 0)
                Evict(sink, right, left, time += 10_000);
            Bring(sink, left, time += 30_000);
            Evict(sink, left, right, time += 10_000);
            Bring(sink, right, time += 30_000);
            sink.Kernel(new TraceKernel(round, 0, true) { Time = time += 15_000 });
            Fetch(sink, shared, time += 40_000);
        }
    }

    /// <summary>An analysis of records.</summary>
    public static TraceAnalysis Analyse(Action<ITraceSink> write)
    {
        var analysis = new TraceAnalysis(CostModels.UvmSmart);
        write(analysis);
        analysis.Complete();
        return analysis;
    }

    /// <summary>A trace file, read and explained.</summary>
    public static Explanation Explain(string path, Action<ITraceSink> write, int threads = 1)
    {
        using (var writer = TraceWriter.Create(path, new TraceHeader { Source = "made by hand", DeviceMemoryBytes = [6 << 20] }))
        {
            write(writer);
            writer.Complete();
        }

        var workload = new Workloads.RecordedWorkload(path);
        return Explainer.Explain(() => workload, new ReplaySettings { DeviceMemoryBytes = 6 << 20, Policies = new ReplayPolicies { Thrash = "none" } }, threads, _ => { });
    }
}
