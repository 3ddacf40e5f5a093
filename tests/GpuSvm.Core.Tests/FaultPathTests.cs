// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Core.Tests;

/// <summary>The table of statuses in docs/fault-path.md, row by row: each row's answer is brought about, and the fault must end as the row says.</summary>
public sealed class FaultPathTests
{
    /// <summary>Brings an answer about and has a fault served; by step and answer, as in the table.</summary>
    private static readonly Dictionary<string, Func<Outcome>> _scenarios = new()
    {
        ["look up: denied by advice"] = () => On(m => m.Vm.Advise(m.All, old => old with { DeniedTo = 1 })),
        ["find: `NotMapped`"] = () => On(m => m.Memory.Unmap(m.All)),
        ["find: `ReadOnly` for a read"] = () => On(m => m.Memory.Protect(m.All, HostProtection.ReadOnly), MemoryAccess.Read),
        ["find: `ReadOnly` for a write"] = () => On(m => m.Memory.Protect(m.All, HostProtection.ReadOnly)),
        ["find: `Retry`"] = () => At(SchedulePointKind.LockTakeShared, m => m.Memory.Unmap(m.Beside), before: m => m.Fault(m.Beside.Start), rank: LockRank.Notifier),
        ["find: `OutOfHostMemory`"] = () => Failing(InjectionPoint.RangeAllocate),
        ["find: `ProcessGone`"] = InAnEndedProcess,
        ["look: `OutOfHostMemory`"] = () => Failing(InjectionPoint.PagesAllocate),
        ["look: unmapped"] = () => At(SchedulePointKind.LockTake, m => m.Memory.Unmap(m.All), rank: LockRank.Range),
        ["look: bound for this access"] = () => On(m => m.Fault(m.All.Start)),
        ["look: bound for less"] = () => On(m =>
        {
            Assert.Equal(SvmStatus.Done, m.Memory.Protect(m.All, HostProtection.ReadOnly));
            Assert.Equal(SvmStatus.Done, m.Fault(m.All.Start, MemoryAccess.Read));
            return m.Memory.Protect(m.All, HostProtection.ReadWrite);
        }),
        ["place: throttled"] = () =>
        {
            using var setup = new Setup(inRam: false, thrash: new AlwaysLater());
            Assert.Equal(SvmStatus.Done, setup.Fault(setup.All.Start));
            Assert.Equal(SvmStatus.Done, setup.Memory.CpuWrite(setup.All.Start, new byte[8])); // The CPU takes it back.
            return setup.Serve(MemoryAccess.Write);
        },
        ["migrate: `Done`"] = () => On(_ => SvmStatus.Done),
        ["migrate: `NotMapped`"] = () => At(
            SchedulePointKind.LockTake,
            m => m.Memory.Unmap(m.All),
            before: m =>
            {
                Assert.Equal(SvmStatus.Done, m.Fault(m.All.Start)); // So that the range is there,
                return m.Vm.Advise(m.All, old => old with { IsReadMostly = true }); // but nothing is bound.
            },
            rank: LockRank.Notifier),
        ["migrate: `OutOfDeviceMemory`"] = () => On(m => m.TakeAllDeviceMemory()),
        ["migrate: `OutOfHostMemory`"] = () => Failing(InjectionPoint.HostStaging, touched: true),
        ["migrate: `CopyFailed`"] = () => Failing(InjectionPoint.CopyToDevice, touched: true),
        ["get pages: `MixedPlacement`"] = OnTwoDevices,
        ["get pages: `NotMapped`"] = () => At(SchedulePointKind.HmmFault, m => m.Memory.Unmap(AddressRange.OfPages(m.All.Start + (64 * PageSize.Bytes), 64)), inRam: true),
        ["get pages: `ReadOnly`"] = () => At(SchedulePointKind.HmmFault, m => m.Memory.Protect(m.All, HostProtection.ReadOnly), inRam: true),
        ["get pages: `NotMigratable` for an atomic"] = () => On(m => m.MapFile(), MemoryAccess.Atomic),
        ["get pages: `NotMigratable` for an atomic for everybody"] = () => On(
            m =>
            {
                Assert.Equal(SvmStatus.Done, m.MapFile());
                return m.Vm.Advise(m.All, old => old with { Atomics = AtomicMode.Global });
            },
            MemoryAccess.Atomic),
        ["get pages: `Unmapped`"] = () => At(SchedulePointKind.HmmFaulted, m => m.Memory.Unmap(m.All), inRam: true),
        ["get pages: `OutOfHostMemory`"] = () => Failing(InjectionPoint.HostPopulate, inRam: true),
        ["get pages: `CopyFailed`"] = () => Failing(InjectionPoint.DmaMap, inRam: true),
        ["bind: `Retry`"] = () => At(SchedulePointKind.PagesMapped, m => m.Memory.CpuWrite(m.All.Start, new byte[8]), before: m => m.Memory.CpuWrite(m.All.Start, new byte[8])),
        ["bind: `Unmapped`"] = () => At(SchedulePointKind.PagesMapped, m => m.Memory.Unmap(m.All)),
        ["bind: `OutOfHostMemory`"] = () => Failing(InjectionPoint.PageTablePrepare),
    };

    /// <summary>The table's rows: step and answer, and how the fault ends.</summary>
    public static TheoryData<string, string> Rows()
    {
        var rows = new TheoryData<string, string>();
        foreach (string line in File.ReadLines(Path.Combine(AppContext.BaseDirectory, "fault-path.md")))
        {
            string[] cells = line.Split('|', StringSplitOptions.TrimEntries);
            if (cells.Length == 6 && cells[4].StartsWith('`'))
                rows.Add($"{cells[1]}: {cells[2]}", cells[4]);
        }

        return rows;
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void AFaultEndsAsItsRowSays(string row, string end)
    {
        Assert.True(_scenarios.TryGetValue(row, out Func<Outcome>? scenario), $"No scenario brings \"{row}\" about.");
        Assert.Equal(end, scenario().ToString());
    }

    [Fact]
    public void EveryScenarioHasItsRow() => Assert.Equal(_scenarios.Keys.Order(), Rows().Select(row => row.Data.Item1).Order());

    /// <summary>How a fault ended.</summary>
    /// <param name="Status">Its status.</param>
    /// <param name="Retried">Whether there was another pass.</param>
    /// <param name="Remote">Whether it was mapped in system memory although it might have moved.</param>
    private sealed record Outcome(SvmStatus Status, bool Retried, bool Remote)
    {
        /// <summary>As the table writes it.</summary>
        public override string ToString() => $"`{Status}`{(Retried ? ", another pass" : "")}{(Remote ? ", in system memory" : "")}";
    }

    /// <summary>A fault after a preparation.</summary>
    private static Outcome On(Func<Setup, SvmStatus> prepare, MemoryAccess access = MemoryAccess.Write)
    {
        using var setup = new Setup(inRam: false);
        Assert.Equal(SvmStatus.Done, prepare(setup));
        return setup.Serve(access);
    }

    /// <summary>A fault, and something that happens on another thread when it reaches a point for the first time.</summary>
    private static Outcome At(SchedulePointKind point, Func<Setup, SvmStatus> happens, Func<Setup, SvmStatus>? before = null, LockRank? rank = null, bool inRam = false)
    {
        using var setup = new Setup(inRam);
        Assert.Equal(SvmStatus.Done, before?.Invoke(setup) ?? SvmStatus.Done);
        bool hasHappened = false;
        int faulting = Environment.CurrentManagedThreadId;
        SchedulePoint.Install((kind, subject) =>
        {
            LockRank? reached = (subject as RankedLock)?.Rank ?? (subject as RankedReaderWriterLock)?.Rank;
            if (kind != point || hasHappened || Environment.CurrentManagedThreadId != faulting || (rank is not null && reached != rank))
                return;
            hasHappened = true;
            SvmStatus status = SvmStatus.Busy;
            var other = new Thread(() => status = happens(setup));
            other.Start();
            if (!other.Join(TimeSpan.FromMilliseconds(200))) // It waits for the fault: then it is done after it, and its event has been told.
                setup.StillRuns = other;
            else
                Assert.Equal(SvmStatus.Done, status);
        });
        Outcome outcome = setup.Serve(MemoryAccess.Write);
        SchedulePoint.Install(null);
        Assert.True(hasHappened, "The fault never reached the point.");
        return outcome;
    }

    /// <summary>A fault in which every hit of a point fails.</summary>
    private static Outcome Failing(InjectionPoint point, bool inRam = false, bool touched = false)
    {
        using var setup = new Setup(inRam);
        if (touched)
            Assert.Equal(SvmStatus.Done, setup.Memory.CpuWrite(setup.All.Start, new byte[8]));
        for (int hit = 1; hit <= Injection.MostWaiting; hit++)
            Injection.Arm(point, hit);
        Outcome outcome = setup.Serve(MemoryAccess.Write);
        Assert.True(Injection.Waiting(point) < Injection.MostWaiting, "The point was never hit.");
        Injection.Reset();
        return outcome;
    }

    /// <summary>A fault when the process has ended.</summary>
    private static Outcome InAnEndedProcess()
    {
        using var setup = new Setup(inRam: false);
        setup.Host.Dispose();
        return setup.Serve(MemoryAccess.Write);
    }

    /// <summary>A fault on a range of which each half lies on another device.</summary>
    private static Outcome OnTwoDevices()
    {
        using var setup = new Setup(inRam: true, devices: 2);
        Assert.Equal(SvmStatus.Done, setup.Fault(setup.All.Start)); // The range is there, in RAM.
        for (int device = 0; device < 2; device++)
        {
            AddressRange half = AddressRange.OfBytes(setup.All.Start + (device * PageSize.HugeBytes / 2), PageSize.HugeBytes / 2);
            HostWorkspace workspace = setup.Host.TryRentWorkspace()!;
            Assert.Equal(SvmStatus.Done, setup.Vm.Devices[device].Pagemap.Populate(half, default, MigrationCause.Prefetch, workspace, out _));
            setup.Host.ReturnWorkspace(workspace);
        }

        return setup.Serve(MemoryAccess.Write);
    }

    /// <summary>Holds every touch of what has gone home back.</summary>
    private sealed class AlwaysLater : IThrashPolicy
    {
        /// <inheritdoc/>
        public TimeSpan Window => TimeSpan.FromSeconds(1);

        /// <inheritdoc/>
        public ThrashAnswer Answer(in ThrashFacts facts) => ThrashAnswer.Throttle(TimeSpan.FromMilliseconds(10));
    }

    /// <summary>A machine with 2 MiB to fault on, and a mapping beside them in the same window.</summary>
    private sealed class Setup : IDisposable
    {
        private readonly bool _inRam; // Then it is no failure that pages are mapped there.
        private readonly SoftwareGpuDevice[] _devices;
        private readonly List<DeviceFrame> _taken = [];

        /// <summary>Builds it.</summary>
        /// <param name="inRam">Whether touched pages stay in RAM.</param>
        /// <param name="devices">Devices of the VM.</param>
        /// <param name="thrash">What becomes of pages that go to and fro.</param>
        public Setup(bool inRam, int devices = 1, IThrashPolicy? thrash = null)
        {
            _inRam = inRam;
            Host = new HostAddressSpace(Memory);
            _devices = [.. Enumerable.Range(0, devices).Select(_ => new SoftwareGpuDevice(new SoftwareGpuOptions { MemoryBytes = 8 << 20, ComputeUnits = 1 }))];
            Vm = new GpuVm(Host, _devices, new GpuVmOptions { Placement = inRam ? new SystemPlacement() : new Machine.AlwaysMigrate(), Thrash = thrash });
            All = AddressRange.OfBytes(new VirtualAddress(1UL << 32), PageSize.HugeBytes);
            Beside = AddressRange.OfBytes(All.End + PageSize.HugeBytes, PageSize.HugeBytes);
            Assert.Equal(SvmStatus.Done, Memory.Map(All.Start, All.Bytes));
            Assert.Equal(SvmStatus.Done, Memory.Map(Beside.Start, Beside.Bytes));
        }

        /// <summary>The memory.</summary>
        public SimulatedHostMemory Memory { get; } = new();

        /// <summary>The address space.</summary>
        public HostAddressSpace Host { get; }

        /// <summary>The VM.</summary>
        public GpuVm Vm { get; }

        /// <summary>What is faulted on.</summary>
        public AddressRange All { get; }

        /// <summary>Another mapping.</summary>
        public AddressRange Beside { get; }

        /// <summary>A thread that is to be waited for.</summary>
        public Thread? StillRuns { get; set; }

        /// <summary>Has a fault of the first device served.</summary>
        public SvmStatus Fault(VirtualAddress address, MemoryAccess access = MemoryAccess.Write) => Vm.FaultHandler.Handle(new GpuFault(address, access, Vm.AddressSpaceId, 0, 0));

        /// <summary>Has the row's fault served.</summary>
        public Outcome Serve(MemoryAccess access)
        {
            (long retries, long remote) = (Vm.Counters.Retries, Vm.Counters.RemoteMaps);
            SvmStatus status = Fault(All.Start, access);
            StillRuns?.Join();
            foreach (DeviceFrame frame in _taken)
                _devices[0].Memory.Free(frame, PageOrder.Small);
            if (Host.IsAlive)
                Machine.AssertHold(InvariantChecker.Check(Vm));
            return new Outcome(status, Vm.Counters.Retries > retries, !_inRam && Vm.Counters.RemoteMaps > remote);
        }

        /// <summary>Leaves no block of device memory to anybody, and none that could be evicted.</summary>
        public SvmStatus TakeAllDeviceMemory()
        {
            while (_devices[0].Memory.Allocate(PageOrder.Small, out DeviceFrame frame) == SvmStatus.Done)
                _taken.Add(frame);
            return SvmStatus.Done;
        }

        /// <summary>Puts a file where the memory was.</summary>
        public SvmStatus MapFile()
        {
            Assert.Equal(SvmStatus.Done, Memory.Unmap(All));
            return Memory.Map(All.Start, All.Bytes, anonymous: false);
        }

        /// <summary>Takes it down.</summary>
        public void Dispose()
        {
            SchedulePoint.Install(null);
            Injection.Reset();
            Vm.Dispose();
            foreach (SoftwareGpuDevice device in _devices)
                device.Dispose();
            Host.Dispose();
        }
    }
}
