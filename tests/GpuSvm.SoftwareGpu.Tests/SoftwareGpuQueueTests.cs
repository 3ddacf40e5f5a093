// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using System.Text;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.SoftwareGpu.Tests;

public sealed unsafe class SoftwareGpuQueueTests
{
    private static readonly VirtualAddress _array = new(0x6000_0000_0000);

    /// <summary>Refuses the upper gigabyte, binds the rest.</summary>
    private static SvmStatus ServeLow(TestGpu gpu, GpuFault fault) =>
        fault.Address - _array >= 1 << 30 ? SvmStatus.NotMapped : gpu.BindFresh(fault.Address.AlignDown(PageOrder.Small), PageOrder.Small);

    [Fact]
    public void EveryGroupRunsOnce()
    {
        using TestGpu gpu = new(units: 3);
        ulong address = _array.Value;
        SoftwareGpuLaunch launch = gpu.Run(&TestKernels.WriteGroupIndex, &address, groups: 2000);
        for (ulong i = 0; i < 2000; i++)
            Assert.Equal(i, *(ulong*)gpu.PointerTo(_array + (long)i * 8));
        Assert.True(launch.ElapsedNanoseconds > 0);
        Assert.Equal(2000, gpu.Device.ReadCounters().Groups);
        Assert.Equal(1, gpu.Device.ReadCounters().Launches);
        Assert.InRange(gpu.Faults, 4, 3 * 4); // 16,000 bytes are 4 pages; units may fault on the same one.
    }

    [Fact]
    public void LaunchesRunInOrderOneAtATime()
    {
        using TestGpu gpu = new(units: 3);
        List<ulong> order = [];
        int inside = 0;
        gpu.Device.Queue.BeforeCompletion = launch =>
        {
            Assert.Equal(1, Interlocked.Increment(ref inside));
            Assert.False(launch.IsComplete);
            order.Add(*(ulong*)launch.Arguments);
            Interlocked.Decrement(ref inside);
        };
        ulong* addresses = stackalloc ulong[50];
        List<SoftwareGpuLaunch> launches = [];
        for (int i = 0; i < 50; i++)
        {
            addresses[i] = _array.Value + (ulong)i * 8;
            Assert.Equal(SvmStatus.Done, gpu.Device.Queue.Start(gpu.Table, (nint)(delegate* unmanaged<SoftwareGpuKernelContext*, void*, void>)&TestKernels.WriteGroupIndex, (nint)(addresses + i), (ulong)(i % 5) + 1, out SoftwareGpuLaunch launch));
            launches.Add(launch);
        }

        launches[^1].Wait();
        Assert.All(launches, l => Assert.True(l.IsComplete));
        Assert.All(launches, l => Assert.Equal(SvmStatus.Done, l.Status));
        Assert.Equal(Enumerable.Range(0, 50).Select(i => _array.Value + (ulong)i * 8), order);
    }

    [Fact]
    public void AFailedAccessFailsThatLaunchAloneWithItsAddressAndAccess()
    {
        using TestGpu gpu = new(units: 2, serve: ServeLow);
        ulong address = _array.Value;
        SoftwareGpuLaunch launch = gpu.RunToEnd(&TestKernels.FailInGroup3, &address, groups: 100_000);
        Assert.Equal(SvmStatus.NotMapped, launch.Status);
        Assert.Equal((_array + (1L << 30), MemoryAccess.Read), (launch.FaultAddress, launch.FaultAccess));
        Assert.Equal("A read at 0x600040000000 failed: no mapping covers the address.", launch.Message);
        Assert.True(gpu.Device.ReadCounters().Groups < 100_000, "the remaining groups were not cancelled");
        gpu.Run(&TestKernels.WriteGroupIndex, &address, groups: 10); // The next launch is well.
    }

    [Fact]
    public void AKernelsSentenceFailsTheLaunch()
    {
        using TestGpu gpu = new(units: 1);
        foreach ((string said, string kept) in ((string, string)[])[
            ("the sum is odd", "the sum is odd"),
            (new string('x', 300), new string('x', 255)),
            (new string('x', 254) + "\u00E4\u00E4", new string('x', 254)), // Cut before a character that does not fit whole.
            (new string('x', 253) + "\u00E4\u00E4", new string('x', 253) + "\u00E4"),
            ("", "")])
        {
            fixed (byte* text = Encoding.UTF8.GetBytes(said + '\0'))
            {
                SoftwareGpuLaunch launch = gpu.RunToEnd(&TestKernels.FailWithSentence, text);
                Assert.Equal((SvmStatus.KernelFailed, kept), (launch.Status, launch.Message));
            }
        }
    }

    [Fact]
    public void AStatusThatAKernelSetsItselfIsNotLost()
    {
        using TestGpu gpu = new(units: 1);
        int status = (int)SvmStatus.KernelFailed;
        SoftwareGpuLaunch launch = gpu.RunToEnd(&TestKernels.SetOwnStatus, &status);
        Assert.Equal(SvmStatus.KernelFailed, launch.Status);
        Assert.Contains("Group 0", launch.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ImpossibleLaunchesAreRefused()
    {
        using TestGpu gpu = new(units: 1);
        using TestGpu other = new(units: 1);
        nint kernel = (nint)(delegate* unmanaged<SoftwareGpuKernelContext*, void*, void>)&TestKernels.Nothing;
        Assert.Equal(SvmStatus.InvalidArgument, gpu.Device.Queue.Start(gpu.Table, kernel, 0, 0, out SoftwareGpuLaunch noGroups));
        Assert.Equal(SvmStatus.InvalidArgument, gpu.Device.Queue.Start(gpu.Table, 0, 0, 1, out _));
        Assert.Equal(SvmStatus.InvalidArgument, gpu.Device.Queue.Start(other.Table, kernel, 0, 1, out _));
        Assert.True(noGroups.Wait(TimeSpan.Zero)); // Complete already, with that status.
        Assert.Equal(SvmStatus.InvalidArgument, noGroups.Status);
        Assert.NotEqual("", noGroups.Message);
    }

    [Fact]
    public void CancellingAWaitingAndARunningLaunchEndsBoth()
    {
        using TestGpu gpu = new(units: 1);
        TestKernels.Hammer hammer = new() { Address = _array.Value, Bytes = 4096 };
        nint kernel = (nint)(delegate* unmanaged<SoftwareGpuKernelContext*, void*, void>)&TestKernels.HammerByWrite;
        Assert.Equal(SvmStatus.Done, gpu.Device.Queue.Start(gpu.Table, kernel, (nint)(&hammer), 1, out SoftwareGpuLaunch running));
        Assert.Equal(SvmStatus.Done, gpu.Device.Queue.Start(gpu.Table, kernel, (nint)(&hammer), 1, out SoftwareGpuLaunch waiting));
        Assert.False(running.Wait(TimeSpan.FromMilliseconds(20)));
        Assert.True(waiting.Cancel(SvmStatus.TimedOut, "too late"));
        Assert.True(running.Cancel(SvmStatus.TimedOut, "too long"));
        Assert.False(running.Cancel(SvmStatus.ProcessGone, "again"));
        Assert.True(running.Wait(TimeSpan.FromSeconds(30)));
        Assert.True(waiting.Wait(TimeSpan.FromSeconds(30)));
        Assert.Equal((SvmStatus.TimedOut, "too long"), (running.Status, running.Message));
        Assert.Equal((SvmStatus.TimedOut, "too late"), (waiting.Status, waiting.Message));
        Assert.Equal(1, hammer.Started);
        gpu.Run(&TestKernels.Nothing, null);
    }

    [Fact]
    public void AnExceptionBeforeCompletionFailsTheLaunch()
    {
        using TestGpu gpu = new(units: 1);
        gpu.Device.Queue.BeforeCompletion = _ => throw new InvalidOperationException("no way home");
        SoftwareGpuLaunch launch = gpu.RunToEnd(&TestKernels.Nothing, null);
        Assert.Equal(SvmStatus.KernelFailed, launch.Status);
        Assert.Contains("no way home", launch.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void BeforeCompletionMayInvalidateAndMoveEveryPageHome()
    {
        using TestGpu gpu = new(units: 2);
        void* home = NativeMemory.AlignedAlloc(4096, 4096);
        gpu.Device.Queue.BeforeCompletion = launch =>
        {
            gpu.Table.InvalidateTlb(gpu.Table.Zap(AddressRange.OfPages(_array, 1)));
            gpu.Device.CopyEngine.CopyToHost(new DeviceFrame(0), new DmaPointer((nint)home), 1, out _);
        };
        ulong address = _array.Value;
        gpu.Run(&TestKernels.WriteGroupIndex, &address, groups: 512);
        for (ulong i = 0; i < 512; i++)
            Assert.Equal(i, ((ulong*)home)[i]);
        NativeMemory.AlignedFree(home);
    }

    [Fact]
    public void DisposeWaitsForLaunchesAndThenEverythingIsGone()
    {
        TestGpu gpu = new(units: 2);
        ulong address = _array.Value;
        nint kernel = (nint)(delegate* unmanaged<SoftwareGpuKernelContext*, void*, void>)&TestKernels.WriteGroupIndex;
        List<SoftwareGpuLaunch> launches = [];
        for (int i = 0; i < 20; i++)
        {
            Assert.Equal(SvmStatus.Done, gpu.Device.Queue.Start(gpu.Table, kernel, (nint)(&address), 100, out SoftwareGpuLaunch launch));
            launches.Add(launch);
        }

        gpu.Device.Dispose();
        Assert.All(launches, l => Assert.Equal((true, SvmStatus.Done), (l.IsComplete, l.Status)));
        Assert.Equal(SvmStatus.DeviceGone, gpu.Device.Queue.Start(gpu.Table, kernel, 0, 1, out _));
        Assert.Equal(SvmStatus.DeviceGone, gpu.Device.Memory.Allocate(PageOrder.Small, out _));
        Assert.Equal(SvmStatus.DeviceGone, gpu.Device.CopyEngine.Clear(new DeviceFrame(0), 1, out _));
        Assert.Equal(SvmStatus.DeviceGone, gpu.Table.Prepare(AddressRange.OfPages(_array, 1)));
        gpu.Table.InvalidateTlb(gpu.Table.Zap(AddressRange.OfPages(_array, 1))); // Still harmless.
        gpu.Dispose();
    }

    [Fact]
    public void DisposingFromInsideALaunchIsRefused()
    {
        using TestGpu gpu = new(units: 1);
        gpu.Device.Queue.BeforeCompletion = _ => gpu.Device.Dispose();
        Assert.Contains("cannot be disposed", gpu.RunToEnd(&TestKernels.Nothing, null).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AFaultThatNobodyServesFailsOnceTheBufferIsClosed()
    {
        using SoftwareGpuDevice device = new(new SoftwareGpuOptions { MemoryBytes = 4096, ComputeUnits = 1 });
        using SoftwareGpuPageTable table = device.CreatePageTable(out _);
        device.FaultBuffer.Close();
        ulong address = _array.Value;
        Assert.Equal(SvmStatus.Done, device.Queue.Start(table, (nint)(delegate* unmanaged<SoftwareGpuKernelContext*, void*, void>)&TestKernels.WriteGroupIndex, (nint)(&address), 1, out SoftwareGpuLaunch launch));
        Assert.True(launch.Wait(TimeSpan.FromSeconds(30)));
        Assert.Equal((SvmStatus.DeviceGone, _array, MemoryAccess.Write), (launch.Status, launch.FaultAddress, launch.FaultAccess));
    }

    [Fact]
    public void TwoAddressSpacesSeeTheirOwnPages()
    {
        using TestGpu gpu = new(units: 1);
        using SoftwareGpuPageTable other = gpu.Device.CreatePageTable(out _);
        Assert.Equal(SvmStatus.Done, gpu.BindFresh(_array, PageOrder.Small));
        Assert.Equal(SvmStatus.Done, gpu.Device.Memory.Allocate(PageOrder.Small, out DeviceFrame frame));
        Assert.Equal(SvmStatus.Done, other.Prepare(AddressRange.OfPages(_array, 1)));
        other.Write(_array, [new DeviceAddress((ulong)frame.OffsetBytes, AddressProtocol.LocalMemory, PageOrder.Small, true)]);
        ulong* first = (ulong*)gpu.PointerTo(_array);
        ulong* second = (ulong*)(gpu.Device.Memory.BasePointer + (nint)frame.OffsetBytes);
        for (ulong value = 1; value <= 20; value++)
        {
            ulong written = value;
            TestKernels.Transfer transfer = new() { Address = _array.Value, Buffer = &written, Bytes = 8 };
            SoftwareGpuPageTable table = value % 2 == 0 ? gpu.Table : other;
            Assert.Equal(SvmStatus.Done, gpu.Device.Queue.Start(table, (nint)(delegate* unmanaged<SoftwareGpuKernelContext*, void*, void>)&TestKernels.Write, (nint)(&transfer), 1, out SoftwareGpuLaunch launch));
            launch.Wait();
            Assert.Equal((value % 2 == 0 ? value : value - 1, value % 2 == 0 ? value - 1 : value), (*first, *second));
        }
    }
}
