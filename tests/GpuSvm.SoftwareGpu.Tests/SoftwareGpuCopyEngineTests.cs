// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;

namespace GpuSvm.SoftwareGpu.Tests;

public sealed unsafe class SoftwareGpuCopyEngineTests
{
    private const int Pages = 256;

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 0)] // Everything by the thread.
    [InlineData(true, 65536)] // Small work by the caller where nothing is before it.
    public void CopiesAndClearsArriveInTheOrderTheyWereQueued(bool ownThread, long inlineBytes)
    {
        using SoftwareGpuMemory memory = new(Pages * 4096);
        using SoftwareGpuCopyEngine engine = new(memory, ownThread, inlineBytes);
        byte[] host = GC.AllocateUninitializedArray<byte>(Pages * 4096, pinned: true);
        byte[] expected = new byte[Pages * 4096];
        Random random = new(17);
        fixed (byte* there = host)
        {
            DmaPointer pointer = new(((nint)there + 4095) & ~4095);
            byte* buffer = (byte*)pointer.Value;
            ulong fence = 0;
            for (int step = 0; step < 600; step++)
            {
                int pages = random.Next(1, 64);
                int frame = random.Next(0, Pages - pages + 1);
                if (random.Next(3) == 0)
                {
                    Assert.Equal(SvmStatus.Done, engine.Clear(new DeviceFrame(frame), pages, out fence));
                    expected.AsSpan(frame * 4096, pages * 4096).Clear();
                }
                else
                {
                    Assert.Equal(SvmStatus.Done, engine.Wait(fence)); // The host side is ours again.
                    new Span<byte>(buffer, pages * 4096).Fill((byte)step);
                    Assert.Equal(SvmStatus.Done, engine.CopyToDevice(pointer, new DeviceFrame(frame), pages, out fence));
                    expected.AsSpan(frame * 4096, pages * 4096).Fill((byte)step);
                }
            }

            Assert.Equal(SvmStatus.Done, engine.Wait(fence));
            Assert.Equal(SvmStatus.Done, engine.CopyToHost(new DeviceFrame(0), pointer, Pages - 1, out fence));
            Assert.Equal(SvmStatus.Done, engine.Wait(fence));
            Assert.True(expected.AsSpan(0, (Pages - 1) * 4096).SequenceEqual(new Span<byte>(buffer, (Pages - 1) * 4096)));
            Assert.True(expected.AsSpan().SequenceEqual(new Span<byte>((void*)memory.BasePointer, Pages * 4096)));
            Assert.Equal(!ownThread, fence == 0);
        }
    }

    [Fact]
    public void WhatIsOutsideTheMemoryIsRefused()
    {
        using SoftwareGpuMemory memory = new(Pages * 4096);
        using SoftwareGpuCopyEngine engine = new(memory, ownThread: false, 0);
        DmaPointer host = new(0x1000);
        Assert.Equal(SvmStatus.InvalidArgument, engine.CopyToDevice(host, new DeviceFrame(Pages - 1), 2, out _));
        Assert.Equal(SvmStatus.InvalidArgument, engine.CopyToHost(new DeviceFrame(-1), host, 1, out _));
        Assert.Equal(SvmStatus.InvalidArgument, engine.Clear(new DeviceFrame(0), 0, out _));
        Assert.Equal(SvmStatus.InvalidArgument, engine.CopyToDevice(default, new DeviceFrame(0), 1, out _));
        Assert.Equal(SvmStatus.Done, engine.Wait(0));
        Assert.Equal(SvmStatus.InvalidArgument, engine.Wait(5));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void DisposeEndsWhatIsQueuedAndRefusesTheRest(bool ownThread)
    {
        using SoftwareGpuMemory memory = new(Pages * 4096);
        SoftwareGpuCopyEngine engine = new(memory, ownThread, 0);
        new Span<byte>((void*)memory.BasePointer, Pages * 4096).Fill(9);
        ulong fence = 0;
        for (int frame = 0; frame < Pages; frame++)
            Assert.Equal(SvmStatus.Done, engine.Clear(new DeviceFrame(frame), 1, out fence));
        engine.Dispose();
        Assert.Equal(SvmStatus.Done, engine.Wait(fence));
        Assert.False(new Span<byte>((void*)memory.BasePointer, Pages * 4096).ContainsAnyExcept((byte)0));
        Assert.Equal(SvmStatus.DeviceGone, engine.Clear(new DeviceFrame(0), 1, out _));
        engine.Dispose(); // Twice is once.
    }
}
