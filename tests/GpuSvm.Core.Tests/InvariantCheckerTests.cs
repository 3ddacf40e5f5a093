// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Svm;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Tests;

/// <summary>The checker finds what is broken on purpose, and names it.</summary>
public sealed class InvariantCheckerTests : IDisposable
{
    private readonly Machine _machine = new(checksSteps: false);
    private readonly AddressRange _memory;

    /// <summary>A machine with one range on the device.</summary>
    public InvariantCheckerTests()
    {
        _memory = _machine.Allocate(PageSize.HugeBytes);
        _machine.GpuStore(_memory.Start, 1);
        Assert.Empty(InvariantChecker.Check(_machine.Vm));
    }

    /// <inheritdoc/>
    public void Dispose() => _machine.Dispose();

    [Fact]
    public void AnAllocationUnderANotifierLockIsNoticedUnlessItIsExcused()
    {
        SvmNotifier notifier = _machine.Vm.Mirror.FirstNotifier(_memory)!;
        for (int warm = 0; warm < 4; warm++)
            AllocateUnder(notifier, isExcused: false);
        Expect("INV-25");
        AllocateUnder(notifier, isExcused: true);
        Assert.Empty(InvariantChecker.Check(_machine.Vm));
    }

    [Fact]
    public void ACallThatKeepsALockIsNoticed()
    {
        var leaf = new RankedLock(LockRank.Leaf, "kept");
        RankedLock.Scope kept;
        using (LockBalance.Begin())
            kept = leaf.Enter();
        kept.Dispose();
        Expect("INV-24");
    }

    [Fact]
    public void ASecondSubscriptionOrASecondEndOfOneIsNoticed()
    {
        var notifier = new MmuIntervalNotifier(_memory, new Deaf());
        _machine.Host.Subscribe(notifier);
        _machine.Host.Unsubscribe(notifier);
        Assert.Empty(InvariantChecker.Check(_machine.Vm));
        notifier.IsSubscribed = true;
        _machine.Host.Subscribe(notifier);
        Expect("INV-28");
        notifier.IsSubscribed = false;
        _machine.Host.Unsubscribe(notifier);
        Expect("INV-28");
    }

    [Fact]
    public void TheHostMemoryMayNotBeAskedUnderANotifierLock()
    {
        SvmNotifier notifier = _machine.Vm.Mirror.FirstNotifier(_memory)!;
        using (notifier.Lock.EnterWrite())
        using (AllocationWatch.Pause())
            Assert.Throws<LockOrderException>(() => _machine.Host.TryFindMapping(_memory.Start, out _));
    }

    [Fact]
    public void ABindingWithoutAMappingAndAPageTableThatDisagreesAreFound()
    {
        var range = (GpuRange)_machine.Vm.Mirror.FirstRange(_memory)!;
        GpuPages pages = range.PagesOf(0)!;
        _machine.Vm.PageTable.Zap(range.Interval);
        Expect("INV-16");
        pages.IsBound = false;
        Assert.Empty(InvariantChecker.Check(_machine.Vm));
        using (range.Notifier.Lock.EnterWrite())
            pages.UnmapLocked(range.Notifier);
        pages.IsBound = true;
        Expect("INV-15");
        pages.IsBound = false;
        range.Put();
    }

    [Fact]
    public void AClaimThatNobodyEndsIsFound()
    {
        HostWorkspace workspace = _machine.Host.RentWorkspace();
        Assert.Equal(SvmStatus.Done, workspace.Migration.SetupToRam(_memory, FrameSelection.Any, MigrationCause.Eviction));
        Expect("INV-35");
        Assert.Equal(SvmStatus.Done, workspace.Migration.Abort());
        _machine.Host.ReturnWorkspace(workspace);
    }

    [Fact]
    public void AReferenceThatNobodyDropsIsFound()
    {
        Assert.True(_machine.Host.TryUse());
        Expect("INV-23");
        _machine.Host.EndUse();
        Assert.Equal(SvmStatus.Done, _machine.Device.DmaMapper.Map(new DmaPointer(1 << 20), PageOrder.Small, writable: true, out DeviceAddress address));
        Expect("INV-22");
        _machine.Device.DmaMapper.Unmap(address);
    }

    /// <summary>Checks, and finds that an invariant is broken; whatever was noticed is forgotten then.</summary>
    private void Expect(string invariant) =>
        Assert.Contains(InvariantChecker.Check(_machine.Vm), violation => violation.StartsWith(invariant + ":", StringComparison.Ordinal));

    /// <summary>Allocates while a notifier's lock is held.</summary>
    private static void AllocateUnder(SvmNotifier notifier, bool isExcused)
    {
        using (notifier.Lock.EnterWrite())
        {
            AllocationWatch.Scope pause = AllocationWatch.Pause();
            GC.KeepAlive(new byte[100]);
            if (isExcused)
                pause.Dispose();
        }
    }

    /// <summary>A client that nothing is told.</summary>
    private sealed class Deaf : IMmuIntervalClient
    {
        public bool InvalidateStart(MmuIntervalNotifier notifier, in MmuEvent mmuEvent, long sequence) => true;

        public void InvalidateFinish(MmuIntervalNotifier notifier, in MmuEvent mmuEvent)
        {
        }
    }
}
