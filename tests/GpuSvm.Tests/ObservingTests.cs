// SPDX-License-Identifier: MIT
using System.Diagnostics.Metrics;

namespace GpuSvm.Tests;

/// <summary>Events, histograms and metrics of a memory in a .NET process.</summary>
public sealed class ObservingTests
{
    private const long DeviceBytes = 2 << 20;

    [Fact]
    public void EventsSayWhatWasMovedForWhomAndWhy()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Portable, DeviceBytes, chunkBytes: 65536);
        using SharedArray<long> array = memory.Allocate<long>((nint)DeviceBytes / 2);
        using SvmEventReader events = memory.OpenEvents();
        Assert.Empty(events.ReadEvents());
        Touch(memory, array);
        List<SvmEvent> all = [.. events.ReadEvents()];
        SvmStatistics statistics = memory.Statistics;
        Assert.Equal(0, events.Dropped);
        Assert.Equal(statistics.GpuFaults, all.Count(one => one.Kind == SvmEventKind.GpuFault));
        Assert.Equal(statistics.BytesToRam, all.Where(one => one.Kind == SvmEventKind.Migration && one.To == SvmEvent.Ram).Sum(one => one.Bytes));
        List<SvmEvent> evictions = all.FindAll(one => one.Kind == SvmEventKind.Eviction);
        Assert.True(evictions.Count > 0 && evictions.Count >= statistics.Evictions);
        foreach (SvmEvent eviction in evictions)
        {
            Assert.Equal((MigrationCause.Eviction, 0, SvmEvent.Ram, StatusCode.Done), (eviction.Cause, eviction.From, eviction.To, eviction.Status));
            Assert.InRange(eviction.Address, array.Address, array.Address + array.LengthInBytes - 1);
            Assert.InRange(eviction.Culprit, array.Address, array.Address + array.LengthInBytes - 1);
            Assert.True(eviction.Nanoseconds > 0 && eviction.Timestamp > TimeSpan.Zero);
        }

        Assert.Contains(all, one => one.Kind == SvmEventKind.Invalidation && one is { Change: MemoryChange.Migrate, Cause: MigrationCause.Eviction });
        Assert.All(all.Where(one => one.Kind == SvmEventKind.GpuFault), one => Assert.True(one.Access is KernelAccess.Write or KernelAccess.Read));
    }

    [Fact]
    public void ASmallStreamDropsAndCountsAndADisposedOneSaysSo()
    {
        SharedMemory memory = Memories.Open(MemoryKind.Portable, DeviceBytes, chunkBytes: 65536);
        SharedArray<long> array = memory.Allocate<long>((nint)DeviceBytes / 2);
        SvmEventReader events = memory.OpenEvents(capacity: 4);
        SvmEventReader closed = memory.OpenEvents(capacity: 4);
        Assert.Throws<ArgumentException>(() => memory.OpenEvents(2_000_000));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.OpenEvents(0));
        Touch(memory, array);
        var read = new SvmEvent[10];
        Assert.Equal(4, events.Read(read));
        Assert.True(events.Dropped > 0);
        Assert.True(events.DroppedOf(SvmEventKind.GpuFault) < events.Dropped);
        closed.Dispose();
        closed.Dispose();
        Assert.Throws<ObjectDisposedException>(() => closed.Read(read));
        memory.Dispose();
        Assert.Equal(StatusCode.InvalidHandle, Assert.Throws<SharedMemoryException>(() => events.Read(read)).Status);
        events.Dispose();
    }

    [Fact]
    public void HistogramsAgreeWithTheStatistics()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Portable, DeviceBytes, chunkBytes: 65536);
        using SharedArray<long> array = memory.Allocate<long>((nint)DeviceBytes / 2);
        Touch(memory, array);
        SvmStatistics statistics = memory.Statistics;
        SvmHistogram faults = memory.Histogram(HistogramKind.GpuFault);
        Assert.Equal((HistogramKind.GpuFault, statistics.GpuFaults), (faults.Kind, faults.Count));
        Assert.Equal(faults.Count, faults.Buckets.Sum());
        Assert.Equal(statistics.FaultTime.Ticks, faults.Sum / 100);
        Assert.True(faults.P50 > 0 && faults.P50 <= faults.P90 && faults.P90 <= faults.P99 && faults.P99 <= faults.Max);
        Assert.Equal(statistics.BytesToRam, memory.Histogram(HistogramKind.BytesToRam).Sum);
        Assert.Equal(statistics.MigrationsToDevice, memory.Histogram(HistogramKind.BytesToDevice).Count);
        Assert.Throws<ArgumentException>(() => memory.Histogram((HistogramKind)99));
    }

    [Fact]
    public void TheMeterShowsOpenMemoriesAndForgetsClosedOnes()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Portable, 4 * DeviceBytes + 4096, chunkBytes: 65536);
        using SharedArray<long> array = memory.Allocate<long>((nint)DeviceBytes * 2);
        Touch(memory, array);
        SvmStatistics statistics = memory.Statistics;
        Dictionary<string, double> mine = Measure();
        string number = mine.Keys.Single(key => key.StartsWith("gpusvm.device.size ", StringComparison.Ordinal) && mine[key] == (4 * DeviceBytes) + 4096).Split(' ')[1];
        Assert.Equal(statistics.GpuFaults, mine[$"gpusvm.faults {number} side=gpu"]);
        Assert.Equal(statistics.CpuFaults, mine[$"gpusvm.faults {number} side=cpu"]);
        Assert.Equal(0, mine[$"gpusvm.faults.failed {number} side=gpu"]);
        Assert.Equal(statistics.BytesToDevice, mine[$"gpusvm.migrated {number} device=0 direction=to_device"]);
        Assert.Equal(statistics.BytesToRam, mine[$"gpusvm.migrated {number} device=0 direction=to_ram"]);
        Assert.Equal(statistics.Evictions, mine[$"gpusvm.evictions {number} device=0"]);
        Assert.Equal(statistics.Invalidations, mine[$"gpusvm.invalidations {number} side=gpu"]);
        Assert.Equal(statistics.DeviceBytesUsed, mine[$"gpusvm.device.resident {number} device=0"]);
        Assert.Equal(statistics.HeapBytes, mine[$"gpusvm.allocated {number} side=both"]);
        Assert.Equal(memory.Histogram(HistogramKind.GpuFault).P99 * 1e-9, mine[$"gpusvm.fault.duration {number} side=gpu quantile=0.99"]);
        memory.Dispose();
        Assert.DoesNotContain(Measure().Keys, key => key.Contains($" {number} ", StringComparison.Ordinal));
    }

    /// <summary>A kernel that writes each page of an array.</summary>
    private static void Touch(SharedMemory memory, SharedArray<long> array) => memory.Run(8, context =>
    {
        (nint start, nint length) = context.Share(array.Length);
        for (nint i = start; i < start + length; i += 512)
            context.Store(array, i, 1L);
    });

    /// <summary>What a listener is told: the values by instrument, memory and tags.</summary>
    private static Dictionary<string, double> Measure()
    {
        var values = new Dictionary<string, double>();
        using var listener = new MeterListener
        {
            InstrumentPublished = static (instrument, self) =>
            {
                if (instrument.Meter.Name == "GpuSvm")
                    self.EnableMeasurementEvents(instrument);
            },
        };
        void Note(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            string key = $"{instrument.Name} memory={tags[0].Value}";
            foreach (KeyValuePair<string, object?> tag in tags[1..])
                key += FormattableString.Invariant($" {tag.Key}={tag.Value}");
            values[key] = value;
        }

        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Note(instrument, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Note(instrument, value, tags));
        listener.Start();
        listener.RecordObservableInstruments();
        return values;
    }
}
