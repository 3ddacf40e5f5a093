// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Pagemaps;

namespace GpuSvm.Conformance.Races;

/// <summary>R-19 to R-24: something ends, or begins, while it is used.</summary>
public abstract class LifetimeRaces : RaceConformance
{
    /// <summary>R-19: the process side ends while a GPU fault is at work, with pages on the device and ranges bound.</summary>
    [Theory]
    [InlineData(SchedulePointKind.MigrationCollected)]
    [InlineData(SchedulePointKind.HmmFaulted)]
    [InlineData(SchedulePointKind.PagesPublishing)]
    [InlineData(SchedulePointKind.PagesMapped)]
    public void AProcessThatEndsDuringAFaultIsEndedByItAndLeavesNothing(SchedulePointKind point) => Run((machine, gpu) =>
    {
        AddressRange memory = machine.Allocate(2L * PageSize.HugeBytes);
        gpu.Store(memory.Start, 1);
        machine.Put(memory.Start + PageSize.HugeBytes, 2);
        bool isEarly = true;
        SvmStatus status;
        using (var race = new Interleaving())
        {
            race.At(point, () => RaceMachine.OnAnotherThread(() =>
            {
                machine.Host.Dispose();
                isEarly = machine.Host.HasEnded;
            }), thread: Interleaving.Here());
            status = gpu.Fault(memory.Start + PageSize.HugeBytes);
        }

        if (point != SchedulePointKind.PagesMapped)
            Assert.False(isEarly); // The fault was a user; the end waited for it.
        Assert.True(status is SvmStatus.ProcessGone or SvmStatus.NotMapped, $"{status}");
        machine.Host.WaitForEnd();
        Assert.Equal((true, 0L, 0), (gpu.IsEmpty, machine.Host.AwayPages, machine.Host.Users));
        Assert.Equal(0, gpu.Device.DmaMapper.LivePages);
        Assert.False(gpu.Lookup(memory.Start).IsPresent || gpu.Lookup(memory.Start + PageSize.HugeBytes).IsPresent);
        Assert.Equal(SvmStatus.ProcessGone, machine.Host.Allocate(1, out _));
        Assert.Equal(SvmStatus.ProcessGone, machine.Host.MigrateHome(memory, MigrationCause.Prefetch));
        Assert.NotEqual(SvmStatus.Done, gpu.Fault(memory.Start));
    });

    /// <summary>R-19: address spaces of the GPU that are closed while the process side is ending wait for that.</summary>
    [Fact]
    public void ClosingAGpuAddressSpaceWhileTheProcessEndsWaitsForTheEnd() => RunBare(machine =>
    {
        RaceGpu first = machine.Add();
        RaceGpu second = machine.Add();
        AddressRange memory = machine.Allocate(2L * PageSize.HugeBytes);
        first.Store(memory.Start, 1);
        second.Store(memory.Start + PageSize.HugeBytes, 2);
        ProgramThread? closing = null;
        using var waits = new ManualResetEventSlim();
        using (var race = new Interleaving())
        {
            Func<bool> elsewhere = Interleaving.Elsewhere();
            race.At(SchedulePointKind.ProcessEnding, () =>
                {
                    closing = new ProgramThread(() =>
                    {
                        first.Vm.Dispose();
                        second.Vm.Dispose();
                    });
                    Interleaving.Until(() => waits.IsSet);
                })
                .At(SchedulePointKind.Wait, waits.Set, when: subject => ReferenceEquals(subject, machine.Host), thread: elsewhere);
            machine.Host.Dispose();
        }

        closing!.Join();
        Assert.True(machine.Host.HasEnded && first.IsEmpty && second.IsEmpty);
    });

    /// <summary>R-20: a notifier is removed between the passes of an event, and after them.</summary>
    [Theory]
    [InlineData(SchedulePointKind.InvalidationStarted)]
    [InlineData(SchedulePointKind.InvalidationCalled)]
    public void ARemovalDuringAnEventReturnsWhenTheEventHasEnded(SchedulePointKind point) => RunBare(machine =>
    {
        AddressRange memory = machine.Allocate(65536);
        machine.Put(memory.Start, 1);
        var client = new CountingClient();
        var notifier = new MmuIntervalNotifier(memory, client);
        machine.Host.Subscribe(notifier);
        using var waits = new ManualResetEventSlim();
        bool isRemoved = false;
        bool isEarly = true;
        ProgramThread? remover = null;
        using (var race = new Interleaving())
        {
            race.At(point, () =>
                {
                    remover = new ProgramThread(() =>
                    {
                        machine.Host.Unsubscribe(notifier);
                        Volatile.Write(ref isRemoved, true);
                    });
                    Interleaving.Until(() => waits.IsSet);
                    isEarly = Volatile.Read(ref isRemoved);
                })
                .At(SchedulePointKind.Wait, waits.Set, when: subject => ReferenceEquals(subject, machine.Host.Notifiers));
            machine.DontNeed(memory);
            remover!.Join();
        }

        Assert.False(isEarly);
        Assert.Equal((1, 1), (client.Started, client.Finished));
        machine.DontNeed(memory);
        Assert.Equal((1, 1), (client.Started, client.Finished)); // Nobody is told any more.
    });

    /// <summary>R-21: the GPU's first touch makes a notifier while an event on the same memory is under way: another device's pages are being evicted.</summary>
    [Fact]
    public void ANotifierMadeDuringAnEventSeesWhatIsThereAfterIt() => RunBare(machine =>
    {
        RaceGpu gpu = machine.Add(InRam);
        RaceGpu other = machine.Add();
        AddressRange memory = machine.Allocate(65536);
        other.Store(memory.Start, 7);
        Assert.Equal(0, gpu.Vm.Mirror.NotifierCount);
        using var waits = new ManualResetEventSlim();
        ProgramThread? toucher = null;
        SvmStatus status = SvmStatus.Busy;
        bool isBound = true;
        using (var race = new Interleaving())
        {
            race.At(
                    SchedulePointKind.InvalidationStarted,
                    () =>
                    {
                        toucher = new ProgramThread(() => status = gpu.Fault(memory.Start));
                        Interleaving.Until(() => waits.IsSet);
                        isBound = gpu.Lookup(memory.Start).IsPresent;
                    },
                    thread: Interleaving.Here())
                .At(SchedulePointKind.Wait, waits.Set, when: subject => ReferenceEquals(subject, machine.Host.Notifiers), thread: Interleaving.Elsewhere());
            Assert.Equal(SvmStatus.Done, other.Pagemap.EvictOne());
            toucher!.Join();
        }

        Assert.Equal((SvmStatus.Done, false), (status, isBound));
        Assert.Equal((1, AddressProtocol.System), (gpu.Vm.Mirror.NotifierCount, gpu.Lookup(memory.Start).Protocol));
        machine.Check();
        Assert.Equal(7, gpu.Load(memory.Start));
        machine.DontNeed(memory); // And it hears of the next one.
        Assert.False(gpu.Lookup(memory.Start).IsPresent);
    });

    /// <summary>R-22: a lookup finds a pagemap whose last use has just ended, before it is listed as idle.</summary>
    [Fact]
    public void ALookupBetweenTheLastPutAndTheIdleListGetsTheSamePagemapAlive() => Run((machine, gpu) =>
    {
        Pagemap pagemap = gpu.Pagemap;
        PagemapCache cache = DevicePagemaps.Of(gpu.Device).CacheFor(machine.Host);
        machine.Close(gpu.Vm); // Its user's last reference goes here; one more makes the put below the last one.
        Assert.Equal(SvmStatus.Done, cache.Get(out Pagemap? again));
        Assert.Same(pagemap, again);
        DeferredWork.Flush();
        int holds = gpu.Device.Holds;
        Pagemap? found = null;
        ProgramThread? lookup = null;
        using var waits = new ManualResetEventSlim();
        Assert.Equal(SvmStatus.Done, pagemap.EndUse());
        using (var race = new Interleaving())
        {
            race.At(
                    SchedulePointKind.LockTake,
                    () =>
                    {
                        Assert.Equal(0, pagemap.References);
                        lookup = new ProgramThread(() => Assert.Equal(SvmStatus.Done, cache.Get(out found)));
                        Interleaving.Until(() => waits.IsSet);
                    },
                    when: taken => taken is RankedLock { Name: "PagemapShrinker" },
                    thread: Interleaving.Here())
                .At(SchedulePointKind.Wait, waits.Set, when: subject => ReferenceEquals(subject, cache.Shrinker));
            pagemap.Put();
            lookup!.Join();
        }

        Assert.Same(pagemap, found);
        DeferredWork.Flush();
        Assert.Equal((1, holds, 0), (pagemap.References, gpu.Device.Holds, cache.Shrinker.Count)); // One hold dropped, one taken.
        Assert.Equal(SvmStatus.Done, pagemap.EndUse());
        pagemap.Put();
        DeferredWork.Flush();
        Assert.Equal((holds - 1, 1), (gpu.Device.Holds, cache.Shrinker.Count));
    });

    /// <summary>R-23: a scan has the pagemap in its hands when a lookup finds it, loses it, and stores another.</summary>
    [Fact]
    public void AScanDoesNotForgetThePagemapThatALookupHasPutInItsPlace() => Run((machine, gpu) =>
    {
        Pagemap old = gpu.Pagemap;
        PagemapCache cache = DevicePagemaps.Of(gpu.Device).CacheFor(machine.Host);
        machine.Close(gpu.Vm);
        Assert.Equal(1, cache.Shrinker.Count);
        Pagemap? fresh = null;
        using (var race = new Interleaving())
        {
            race.At(SchedulePointKind.Collect, () => RaceMachine.OnAnotherThread(() => Assert.Equal(SvmStatus.Done, cache.Get(out fresh))), thread: Interleaving.Here());
            Assert.Equal(1, cache.Shrinker.Scan(1));
        }

        Assert.NotSame(old, fresh);
        Pagemap? active = cache.GetIfActive();
        Assert.Same(fresh, active);
        active!.Put();
        EndUse(fresh!);
    });

    /// <summary>R-23: a lookup has found the idle pagemap when a scan takes it.</summary>
    [Fact]
    public void ALookupThatLosesItsPagemapToAScanMakesAnother() => Run((machine, gpu) =>
    {
        Pagemap old = gpu.Pagemap;
        PagemapCache cache = DevicePagemaps.Of(gpu.Device).CacheFor(machine.Host);
        machine.Close(gpu.Vm);
        Pagemap? fresh;
        using (var race = new Interleaving())
        {
            race.At(SchedulePointKind.Collect, () => RaceMachine.OnAnotherThread(() => Assert.Equal(1, cache.Shrinker.Scan(1))), thread: Interleaving.Here());
            Assert.Equal(SvmStatus.Done, cache.Get(out fresh));
        }

        Assert.NotSame(old, fresh);
        EndUse(fresh!);
    });

    /// <summary>R-24: the device is unplugged while a GPU fault migrates to it.</summary>
    [Theory]
    [InlineData(SchedulePointKind.MigrationCollected)]
    [InlineData(SchedulePointKind.MigrationCopied)]
    public void AnUnplugDuringAMigrationWaitsForItAndTakesItsPagesHome(SchedulePointKind point) => RunBare(machine =>
    {
        RaceGpu gpu = machine.Add();
        RaceGpu peer = machine.Add(InRam);
        AddressRange memory = machine.Allocate(2L * PageSize.HugeBytes);
        gpu.Store(memory.Start, 1);
        Assert.Equal(1, peer.Load(memory.Start)); // Over the link.
        machine.Put(memory.Start + PageSize.HugeBytes, 2);
        SvmStatus unplugged = SvmStatus.Busy;
        SvmStatus late = SvmStatus.Done;
        ProgramThread? remover = null;
        using var waits = new ManualResetEventSlim();
        using (var race = new Interleaving())
        {
            race.At(SchedulePointKind.Wait, waits.Set, when: subject => ReferenceEquals(subject, gpu.Pagemap));
            race.At(
                point,
                () =>
                {
                    remover = new ProgramThread(() => unplugged = gpu.Vm.Unplug());
                    Interleaving.Until(() => waits.IsSet);
                    HostWorkspace workspace = machine.Host.RentWorkspace();
                    late = gpu.Pagemap.Populate(AddressRange.OfPages(memory.Start, 16), default, MigrationCause.Prefetch, workspace, out _); // Another one is not let in.
                    machine.Host.ReturnWorkspace(workspace);
                },
                thread: Interleaving.Here());
            SvmStatus status = gpu.Fault(memory.Start + PageSize.HugeBytes);
            Assert.True(status is SvmStatus.Done or SvmStatus.DeviceGone, $"{status}"); // Served just before the end, or too late.
        }

        remover!.Join();
        Assert.Equal((SvmStatus.Done, SvmStatus.DeviceGone), (unplugged, late));
        Assert.Equal(SvmStatus.DeviceGone, gpu.Fault(memory.Start));
        Assert.False(gpu.Lookup(memory.Start).IsPresent || gpu.Lookup(memory.Start + PageSize.HugeBytes).IsPresent);
        Assert.Equal((true, 0, 0L), (gpu.IsEmpty, gpu.Pagemap.AllocationCount, gpu.Device.LivePeerPages));
        machine.Check();
        Assert.Equal((1, 2), (machine.Load(memory.Start), machine.Load(memory.Start + PageSize.HugeBytes)));
        Assert.Equal(1, peer.Load(memory.Start));
        Assert.Equal(AddressProtocol.System, peer.Lookup(memory.Start).Protocol);
    });

    /// <summary>Ends a use of a pagemap.</summary>
    private static void EndUse(Pagemap pagemap)
    {
        Assert.Equal(SvmStatus.Done, pagemap.EndUse());
        pagemap.Put();
        DeferredWork.Flush();
    }
}
