// SPDX-License-Identifier: MIT
using CsCheck;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Vm;
using GpuSvm.Lab.Replay;
using GpuSvm.Simulation;
using GpuSvm.SoftwareGpu;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Tests;

/// <summary>Recordings on simulated memory: a replay of one has the run's own faults and bytes, though it has another clock; every kind of record comes back; what is lost is counted.</summary>
public sealed class RecordingTests
{
    private const int Pages = 96;
    private static readonly VirtualAddress _start = new(0x2000_0000_0000 + (500 << PageSize.Shift)); // Over a boundary of 2 MiB.
    private static readonly TraceHeader _header = new() { Source = "a test" };

    private static readonly Gen<(int Page, MemoryAccess Kind, bool IsCpu)[]> _programs =
        Gen.Select(Gen.Int[0, Pages - 1], Gen.Enum<MemoryAccess>(), Gen.Int[0, 2], Gen.Int[1, 6]).Array[1, 120].Select(runs =>
            runs.SelectMany(run => Enumerable.Range(run.Item1, Math.Min(run.Item4, Pages - run.Item1)).Select(page => (page, run.Item2, run.Item3 == 0))).ToArray());

    public static TheoryData<string, string, string> Machines { get; } = new(
        from chunk in ReplayPolicies.ChunkNames
        from evict in new[] { "fifo", "random", "fault-order" }
        from thrash in new[] { "none", "back-off" }
        select (chunk, evict, thrash));

    /// <summary>With back-off the run decides by a real clock, whose time differs from run to run; the replay is told.</summary>
    [Theory]
    [MemberData(nameof(Machines))]
    public void AReplayHasTheFaultsAndBytesOfTheRun(string chunk, string evict, string thrash) => _programs.Sample(
        program =>
        {
            const long deviceBytes = 40L << PageSize.Shift;
            var settings = new RecordedSettings { Memory = "simulated", Capabilities = (int)SimulatedHostOptions.AllCapabilities, Chunk = chunk, Evict = evict, Thrash = thrash };
            var file = new MemoryStream();
            using var device = new SoftwareGpuDevice(new SoftwareGpuOptions { MemoryBytes = deviceBytes, ComputeUnits = 1 });
            var memory = new SimulatedHostMemory(new SimulatedHostOptions { Frames = 4096 });
            using var host = new HostAddressSpace(memory);
            using var vm = new GpuVm(host, device, ReplayPolicies.Of(settings).Create());
            using (var recorder = new RunRecorder(host.Events, file, _header with { DeviceMemoryBytes = [deviceBytes], Properties = settings.ToProperties() }))
            {
                Assert.Equal(SvmStatus.Done, memory.Map(_start, Pages << PageSize.Shift));
                recorder.Mapping(AddressRange.OfPages(_start, Pages), isUnmap: false);
                foreach ((int page, MemoryAccess kind, bool isCpu) in program)
                    Access(vm, memory, _start + ((long)page << PageSize.Shift), kind, isCpu);
                recorder.Stop();
                Assert.Equal(0, recorder.Lost);
                Assert.Null(recorder.Failure);
            }

            using var reader = new TraceReader(new MemoryStream(file.ToArray()), "the recording");
            using var machine = new ReplayMachine(new ReplayOptions
            {
                DeviceMemoryBytes = reader.Header.DeviceMemoryBytes, FootprintBytes = 4L << 20, Vm = ReplayPolicies.Of(settings).Create(), Recorded = RecordedSettings.Of(reader.Header),
            });
            var run = new TraceFootprint();
            using (var again = new TraceReader(new MemoryStream(file.ToArray()), "the recording"))
                Assert.Equal(TraceEnd.Complete, again.ReadTo(run));
            Assert.Equal(TraceEnd.Complete, reader.ReadTo(machine));
            ReplayResult result = machine.Result();
            Assert.Equal(run.Figures.All, machine.Figures.All);
            Assert.Equal((vm.Counters.Faults, vm.Pagemap.Counters.BytesToDevice, vm.Pagemap.Counters.BytesToRam), (result.DeviceFaults, result.BytesToDevice, result.BytesToHost));
            Assert.Equal(0, result.FailedAccesses);
        },
        iter: 5,
        threads: 1);

    [Fact]
    public void EveryKindOfRecordComesBackInItsOrder()
    {
        AddressRange pages = AddressRange.OfPages(_start, 8);
        var advice = new MemoryAdvice { NeverMigrate = true, Granularity = PageOrder.Medium };
        (List<object> records, RunRecorder recorder) = Record(new RunRecorderOptions(), recorder =>
        {
            recorder.Mapping(pages, isUnmap: false);
            recorder.Resident(pages, SvmPlace.Ram);
            recorder.Advice(pages, advice);
            recorder.Prefetch(pages, 1);
            recorder.Kernel(0, 1, isEnd: false, "the kernel");
            recorder.Event(new SvmEvent(SvmEventKind.MapRemote, _start, 4096) { To = 1, Timestamp = 1 });
            recorder.Event(new SvmEvent(SvmEventKind.GpuFault, _start, 4096) { To = 1, Access = MemoryAccess.Write, Timestamp = 2 });
            recorder.Bind(pages, 1, SvmPlace.Ram, isWritable: true);
            recorder.Access(_start + 4096, MemoryAccess.Atomic, 1);
            recorder.Event(new SvmEvent(SvmEventKind.GpuFault, _start, 4096) { Status = SvmStatus.Busy, Timestamp = 3 }); // Comes again: no access of its own.
            recorder.Event(new SvmEvent(SvmEventKind.CpuFault, _start + 8192, 4096) { To = SvmPlace.Ram, Timestamp = 4 });
            recorder.Event(new SvmEvent(SvmEventKind.GpuFault, new VirtualAddress(1UL << 47), 4096) { Timestamp = 5 }); // A device's window.
            recorder.Kernel(0, 1, isEnd: true, "");
            recorder.Mapping(pages, isUnmap: true);
        });
        Assert.Equal(
            [
                "mapping", "residence -1", "advice", "prefetch 1", "kernel the kernel", "event MapRemote", "event GpuFault", "access Write by device 1", "bind 1 -1 True", "access Atomic by device 1",
                "event GpuFault", "event CpuFault", "access Read by CPU thread 0", "event GpuFault", "kernel end", "unmapping",
            ],
            records.Select(NameOf));
        Assert.Equal(advice, records.OfType<TraceAdvice>().Single().Advice);
        Assert.Equal(pages, records.OfType<TraceBind>().Single().Interval);
        Assert.Equal((16L, 0L, null), (recorder.Records, recorder.Lost, recorder.Failure));
    }

    [Fact]
    public void WhatDoesNotFitIsCountedAndStandsInTheTrace()
    {
        const int count = 200_000;
        (List<object> records, RunRecorder recorder) = Record(new RunRecorderOptions { BufferRecords = 2 }, recorder =>
        {
            for (int i = 0; i < count; i++)
                recorder.Access(_start, MemoryAccess.Read, 0);
        });
        Assert.True(recorder.Lost > 0, "a ring of two took everything");
        Assert.Equal(recorder.Lost, records.OfType<TraceLoss>().Sum(loss => loss.Records));
        Assert.Equal(count - recorder.Lost, records.OfType<TraceAccess>().Count());
    }

    [Fact]
    public void TellingAllocatesNothing()
    {
        var events = new SvmEvents();
        using var recorder = new RunRecorder(events, new MemoryStream(), _header);
        var one = new SvmEvent(SvmEventKind.GpuFault, _start, 4096);
        for (int round = 0; round < 2; round++) // The first makes the code.
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 1000; i++)
            {
                events.Record(one);
                recorder.Access(_start, MemoryAccess.Read, 0);
                recorder.Bind(AddressRange.OfPages(_start, 1), 0, 0, isWritable: true);
            }

            if (round > 0)
                Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        }
    }

    [Fact]
    public void OneRecordsAtATimeAndAfterwardsNobodyListens()
    {
        var events = new SvmEvents();
        using (var recorder = new RunRecorder(events, new MemoryStream(), _header))
        {
            Assert.True(events.IsOn);
            Assert.Same(recorder, events.Recorder);
            Assert.Throws<InvalidOperationException>(() => new RunRecorder(events, new MemoryStream(), _header));
            SvmEventStream stream = events.Open(16);
            events.Close(stream);
            Assert.Same(recorder, events.Recorder);
        }

        Assert.False(events.IsOn);
        Assert.Throws<ArgumentException>(() => new RunRecorder(events, new MemoryStream(), _header, new RunRecorderOptions { BufferRecords = 3 }));
        Assert.False(events.IsOn);
    }

    [Fact]
    public void AFullDiskEndsTheRecordingAndNotTheRun()
    {
        var events = new SvmEvents();
        using var recorder = new RunRecorder(events, new SmallDisk(4096), _header, new RunRecorderOptions { FlushInterval = TimeSpan.Zero });
        while (recorder.Failure is null)
            recorder.Access(_start, MemoryAccess.Read, 0);
        recorder.Stop();
        Assert.Contains("full", recorder.Failure.Message, StringComparison.Ordinal);
        Assert.False(events.IsOn);
    }

    [Fact]
    public void WhatWasFlushedCanBeReadWhateverBecomesOfTheRecorder()
    {
        var events = new SvmEvents();
        var file = new MemoryStream();
        byte[] cut;
        using (var recorder = new RunRecorder(events, file, _header, new RunRecorderOptions { FlushInterval = TimeSpan.Zero }))
        {
            recorder.Access(_start, MemoryAccess.Write, 0);
            while (recorder.Records == 0)
                Thread.Sleep(1);
            recorder.Stop();
            cut = file.ToArray()[..^28]; // Without the block that says that it is complete.
        }

        var read = new TraceRecorder();
        using var reader = new TraceReader(new MemoryStream(cut), "a cut file");
        Assert.Equal(TraceEnd.CutOff, reader.ReadTo(read));
        Assert.Single(read.Records);
    }

    [Fact]
    public void ARecordingThatBeginsLateTellsWhereEverythingIs()
    {
        var memory = new SimulatedHostMemory(new SimulatedHostOptions { Frames = 4096 });
        using var device = new SoftwareGpuDevice(new SoftwareGpuOptions { MemoryBytes = 1 << 20, ComputeUnits = 1 });
        using var host = new HostAddressSpace(memory) { LargestFirstTouch = PageOrder.Small };
        using var vm = new GpuVm(host, device, new ReplayPolicies { Chunk = "4K" }.Create());
        Assert.Equal(SvmStatus.Done, memory.Map(_start, Pages << PageSize.Shift));
        for (int page = 0; page < 6; page++)
            Access(vm, memory, _start + ((long)page << PageSize.Shift), MemoryAccess.Write, isCpu: true);
        Access(vm, memory, _start + (2L << PageSize.Shift), MemoryAccess.Read, isCpu: false);
        (List<object> records, _) = Record(new RunRecorderOptions(), host.RecordWhatIsThere, host.Events);
        Assert.Equal(AddressRange.OfPages(_start, Pages), records.OfType<TraceMapping>().Single().Interval);
        Assert.Equal(
            [(0, 2, -1), (2, 1, 0), (3, 3, -1)],
            records.OfType<TraceResidence>().Select(one => ((int)((one.Interval.Start - _start) >> PageSize.Shift), (int)one.Interval.Pages, (int)one.Place)));
        using var machine = new ReplayMachine(new ReplayOptions { DeviceMemoryBytes = [1 << 20], FootprintBytes = 1 << 20, Vm = new ReplayPolicies { Chunk = "4K" }.Create() });
        foreach (TraceMapping mapping in records.OfType<TraceMapping>())
            machine.Mapping(mapping);
        foreach (TraceResidence residence in records.OfType<TraceResidence>())
            machine.Resident(residence);
        machine.Access(new TraceAccess(_start + (2L << PageSize.Shift), 1, MemoryAccess.Read, TraceAgent.Cpu()));
        Assert.Equal((1L, 4096L, 4096L), (machine.Result().CpuFaults, machine.Result().BytesToDevice, machine.Result().BytesToHost)); // It was there, and has come home.
    }

    /// <summary>One access of the run.</summary>
    private static void Access(GpuVm vm, SimulatedHostMemory memory, VirtualAddress address, MemoryAccess kind, bool isCpu)
    {
        Span<byte> one = stackalloc byte[1];
        if (isCpu)
        {
            Assert.Equal(SvmStatus.Done, kind == MemoryAccess.Read ? memory.CpuRead(address, one) : memory.CpuWrite(address, one));
            return;
        }

        DeviceAddress found = vm.PageTable.Lookup(address);
        if (!found.IsPresent || (kind != MemoryAccess.Read && !(kind == MemoryAccess.Write ? found.IsWritable : found.AllowsAtomics)))
            Assert.Equal(SvmStatus.Done, vm.FaultHandler.Handle(new GpuFault(address, kind, vm.AddressSpaceId, 0, 0)));
    }

    /// <summary>Records what a test tells, and reads it.</summary>
    private static (List<object> Records, RunRecorder Recorder) Record(RunRecorderOptions options, Action<RunRecorder> tell, SvmEvents? events = null)
    {
        var file = new MemoryStream();
        using var recorder = new RunRecorder(events ?? new SvmEvents(), file, _header, options);
        tell(recorder);
        recorder.Stop();
        var read = new TraceRecorder();
        using var reader = new TraceReader(new MemoryStream(file.ToArray()), "the recording");
        Assert.Equal(TraceEnd.Complete, reader.ReadTo(read));
        return (read.Records, recorder);
    }

    /// <summary>A record in a few words.</summary>
    private static string NameOf(object record) => record switch
    {
        TraceAccess access => $"access {access.Kind} by {access.Agent}",
        TraceKernel kernel => kernel.IsEnd ? "kernel end" : $"kernel {kernel.Name}",
        TraceMapping mapping => mapping.IsUnmap ? "unmapping" : "mapping",
        TraceAdvice => "advice",
        TracePrefetch prefetch => $"prefetch {prefetch.Destination}",
        TraceBind bind => $"bind {bind.Device} {bind.Place} {bind.IsWritable}",
        SvmEvent one => $"event {one.Kind}",
        TraceResidence residence => $"residence {residence.Place}",
        _ => record.ToString()!,
    };

    /// <summary>A disk that is full after so many bytes.</summary>
    private sealed class SmallDisk(int bytes) : MemoryStream
    {
        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (Length + buffer.Length > bytes)
                throw new IOException("the disk is full");
            base.Write(buffer);
        }
    }
}
