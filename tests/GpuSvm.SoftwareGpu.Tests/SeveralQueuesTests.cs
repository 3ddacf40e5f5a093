// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;

namespace GpuSvm.SoftwareGpu.Tests;

/// <summary>Queues share the units and wait only where they are told to.</summary>
public sealed unsafe class SeveralQueuesTests
{
    private static readonly VirtualAddress _array = new(0x6000_0000_0000);
    private static readonly nint _nothing = (nint)(delegate* unmanaged<SoftwareGpuKernelContext*, void*, void>)&TestKernels.Nothing;
    private static readonly nint _hammer = (nint)(delegate* unmanaged<SoftwareGpuKernelContext*, void*, void>)&TestKernels.HammerByWrite;

    [Fact]
    public void ALaunchThatNeverEndsKeepsNoOtherQueueWaiting()
    {
        using TestGpu gpu = new(units: 2);
        SoftwareGpuQueue second = gpu.Device.CreateQueue();
        TestKernels.Hammer hammer = new() { Address = _array.Value, Bytes = 4096 };
        Start(gpu, gpu.Device.Queue, _hammer, (nint)(&hammer), 1, out SoftwareGpuLaunch endless);
        for (int i = 0; i < 20; i++)
        {
            Start(gpu, second, _nothing, 0, 3, out SoftwareGpuLaunch launch);
            Assert.True(launch.Wait(TimeSpan.FromSeconds(50)));
        }

        Assert.False(endless.IsComplete);
        Volatile.Write(ref hammer.Stop, 1);
        Assert.True(endless.Wait(TimeSpan.FromSeconds(50)));
        Assert.Equal((1, 20), (gpu.Device.Queue.Launches, second.Launches));
    }

    [Fact]
    public void AUnitChangesOverBetweenTwoGroupsToAQueueThatHasNone()
    {
        using TestGpu gpu = new(units: 1);
        SoftwareGpuQueue second = gpu.Device.CreateQueue();
        Start(gpu, gpu.Device.Queue, _nothing, 0, long.MaxValue, out SoftwareGpuLaunch endless); // More groups than anybody can run.
        Start(gpu, second, _nothing, 0, 1000, out SoftwareGpuLaunch launch);
        Assert.True(launch.Wait(TimeSpan.FromSeconds(50)));
        Assert.False(endless.IsComplete);
        Assert.True(endless.Cancel(SvmStatus.KernelFailed, "enough"));
        Assert.True(endless.Wait(TimeSpan.FromSeconds(50)));
    }

    [Fact]
    public void ALaunchBeginsAfterAllThatItWaitsForOnWhateverDevice()
    {
        using TestGpu gpu = new(units: 1);
        using TestGpu other = new(units: 1);
        SoftwareGpuLaunch mark = SoftwareGpuLaunch.CreateMark();
        TestKernels.Hammer hammer = new() { Address = _array.Value, Bytes = 4096 };
        Start(gpu, gpu.Device.Queue, _hammer, (nint)(&hammer), 1, out SoftwareGpuLaunch first);
        Start(other, other.Device.Queue, _nothing, 0, 1, out SoftwareGpuLaunch second, first, mark, first);
        Start(other, other.Device.Queue, _nothing, 0, 1, out SoftwareGpuLaunch behind);
        mark.Complete();
        Assert.False(behind.Wait(TimeSpan.Zero));
        Assert.False(second.Wait(TimeSpan.Zero));
        Volatile.Write(ref hammer.Stop, 1);
        Assert.True(behind.Wait(TimeSpan.FromSeconds(50)));
        Assert.True(second.IsComplete && first.IsComplete);
        Start(other, other.Device.Queue, _nothing, 0, 1, out SoftwareGpuLaunch late, first, mark); // Both are complete.
        Assert.True(late.Wait(TimeSpan.FromSeconds(50)));
    }

    [Fact]
    public void WhoWantsToHearOfACompletionHearsItOnceOrIsToldThatItWas()
    {
        using TestGpu gpu = new(units: 1);
        using ManualResetEventSlim told = new();
        TestKernels.Hammer hammer = new() { Address = _array.Value, Bytes = 4096 };
        Start(gpu, gpu.Device.Queue, _hammer, (nint)(&hammer), 1, out SoftwareGpuLaunch launch);
        Assert.True(launch.TryWhenComplete(told.Set));
        Assert.False(told.IsSet);
        Volatile.Write(ref hammer.Stop, 1);
        Assert.True(told.Wait(TimeSpan.FromSeconds(50)));
        Assert.False(launch.TryWhenComplete(told.Reset));
        Assert.True(told.IsSet);
    }

    [Fact]
    public void AClosedQueueEndsItsLaunchesAndTakesNoMore()
    {
        using TestGpu gpu = new(units: 1);
        SoftwareGpuQueue queue = gpu.Device.CreateQueue();
        Start(gpu, queue, _nothing, 0, 100, out _);
        Start(gpu, queue, _nothing, 0, 100, out SoftwareGpuLaunch last);
        queue.Close();
        Assert.Equal(SvmStatus.DeviceGone, queue.Start(gpu.Table, _nothing, 0, 1, out _));
        Assert.True(last.Wait(TimeSpan.FromSeconds(50)));
        Start(gpu, gpu.Device.Queue, _nothing, 0, 1, out SoftwareGpuLaunch other);
        Assert.True(other.Wait(TimeSpan.FromSeconds(50)));
    }

    [Fact]
    public void ATransferGoesThroughThePageTableWhileAllUnitsAreBusy()
    {
        using TestGpu gpu = new(units: 1, serve: (gpu, fault) => fault.Address - _array < 3 * PageSize.Bytes ? gpu.BindFresh(fault.Address.AlignDown(PageOrder.Small), PageOrder.Small) : SvmStatus.NotMapped);
        TestKernels.Hammer hammer = new() { Address = _array.Value + (2 * PageSize.Bytes), Bytes = 4096 };
        Start(gpu, gpu.Device.Queue, _hammer, (nint)(&hammer), 1, out SoftwareGpuLaunch busy);
        byte[] bytes = [.. Enumerable.Range(0, 5000).Select(i => (byte)i)];
        var back = new byte[6000];
        fixed (byte* from = bytes, to = back)
        {
            Assert.Equal(new SoftwareGpuTransfer(SvmStatus.Done, 5000, 0, ""), gpu.Device.Transfer(gpu.Table, _array.Value + 7, from, 5000, write: true));
            Assert.Equal(new SoftwareGpuTransfer(SvmStatus.Done, 5000, 0, ""), gpu.Device.Transfer(gpu.Table, _array.Value + 7, to, 5000, write: false));
            Assert.Equal(bytes, back[..5000]);
            SoftwareGpuTransfer failed = gpu.Device.Transfer(gpu.Table, _array.Value + (3 * PageSize.Bytes) - 100, to, 200_000, write: false);
            Assert.Equal((SvmStatus.NotMapped, 100UL, _array.Value + (3 * PageSize.Bytes)), (failed.Status, failed.DoneBytes, failed.FaultAddress));
        }

        Assert.False(busy.IsComplete);
        Volatile.Write(ref hammer.Stop, 1);
        Assert.True(busy.Wait(TimeSpan.FromSeconds(50)));
    }

    /// <summary>Starts a launch and expects that it is taken.</summary>
    private static void Start(TestGpu gpu, SoftwareGpuQueue queue, nint kernel, nint arguments, ulong groups, out SoftwareGpuLaunch launch, params ReadOnlySpan<SoftwareGpuLaunch> after)
        => Assert.Equal(SvmStatus.Done, queue.Start(gpu.Table, kernel, arguments, groups, out launch, after));
}
