// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using CsCheck;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.SoftwareGpu.Tests;

/// <summary>Every kernel function, over pages of all sizes, of the device and of the program, and across the borders between them.</summary>
public sealed unsafe class SoftwareGpuKernelMemoryTests : IDisposable
{
    private const long ArrayBytes = 6 << 20; // Three blocks of 2 MiB.
    private static readonly VirtualAddress _array = new(0x5000_0000_0000);

    private readonly byte* _host = (byte*)NativeMemory.AlignedAlloc((nuint)ArrayBytes, PageSize.HugeBytes);
    private readonly byte[] _expected = new byte[ArrayBytes];
    private readonly TestGpu _gpu;

    public SoftwareGpuKernelMemoryTests()
    {
        _gpu = new TestGpu(units: 2, memoryBytes: 32 << 20, serve: ServeMixed);
        new Random(5).NextBytes(_expected);
    }

    public void Dispose()
    {
        _gpu.Dispose();
        NativeMemory.AlignedFree(_host);
    }

    /// <summary>Binds in changing ways: 2 MiB, 64 KiB and 4 KiB of the device, 64 KiB and 4 KiB of the program. Outside the array nothing is mapped.</summary>
    private SvmStatus ServeMixed(TestGpu gpu, GpuFault fault)
    {
        if (fault.Address < _array || fault.Address - _array >= ArrayBytes)
            return SvmStatus.NotMapped;
        long offset = fault.Address - _array;
        int block = (int)(offset >> 16);
        (PageOrder order, bool local) = offset >= 4 << 20 ? (PageOrder.Huge, true) : (block % 4) switch
        {
            0 => (PageOrder.Medium, true),
            1 => (PageOrder.Small, true),
            2 => (PageOrder.Medium, false),
            _ => (PageOrder.Small, false),
        };
        VirtualAddress start = fault.Address.AlignDown(order);
        return local ? gpu.BindFresh(start, order) : gpu.Bind(start, new DeviceAddress((ulong)(_host + (start - _array)), AddressProtocol.System, order, writable: true));
    }

    /// <summary>Puts the expected bytes into the array through a kernel.</summary>
    private void Fill()
    {
        fixed (byte* bytes = _expected)
        {
            TestKernels.Transfer transfer = new() { Address = _array.Value, Buffer = bytes, Bytes = (ulong)ArrayBytes };
            _gpu.Run(&TestKernels.Write, &transfer);
        }
    }

    /// <summary>Device memory that units reach is marked, 64 KiB by 64 KiB; a mark is taken once.</summary>
    [Fact]
    public void UsesLeaveMarksInDeviceMemory()
    {
        Fill();
        byte* there = _gpu.PointerTo(_array + (4 << 20)) - _gpu.Device.Memory.BasePointer; // A block of 2 MiB.
        var first = new DeviceFrame((int)((nint)there >> PageSize.Shift));
        Assert.True(_gpu.Device.Memory.TakeUse(first, PageSize.PagesPerHuge));
        Assert.False(_gpu.Device.Memory.TakeUse(first, PageSize.PagesPerHuge));
        long number;
        TestKernels.Transfer transfer = new() { Address = _array.Value + (4 << 20) + (3 << 16) + 8, Buffer = (byte*)&number, Bytes = sizeof(long) };
        _gpu.Run(&TestKernels.Read, &transfer);
        Assert.False(_gpu.Device.Memory.TakeUse(first, 3 * PageOrder.Medium.Pages));
        Assert.False(_gpu.Device.Memory.TakeUse(first + (4 * PageOrder.Medium.Pages), PageSize.PagesPerHuge - (4 * PageOrder.Medium.Pages)));
        Assert.True(_gpu.Device.Memory.TakeUse(first + (3 * PageOrder.Medium.Pages) + 5, 1)); // Any page of the 64 KiB.
        Assert.False(_gpu.Device.Memory.TakeUse(first, PageSize.PagesPerHuge));
    }

    [Fact]
    public void ReadsAndWritesOfAnyLengthAndPlaceAgreeWithAnArray()
    {
        Fill();
        byte[] buffer = new byte[600_000];
        Gen.Select(Gen.Long[0, ArrayBytes - 1], Gen.Int[0, 600_000], Gen.Bool, Gen.Byte, Gen.Bool).Sample((at, length, write, value, nearBorder) =>
        {
            if (nearBorder)
                at = Math.Max(0, (at >> 16 << 16) - value % 16);
            length = (int)Math.Min(nearBorder ? value : length, ArrayBytes - at);
            buffer.AsSpan(0, length).Fill(value);
            fixed (byte* bytes = buffer)
            {
                TestKernels.Transfer transfer = new() { Address = _array.Value + (ulong)at, Buffer = bytes, Bytes = (ulong)length };
                if (write)
                {
                    _gpu.Run(&TestKernels.Write, &transfer);
                    _expected.AsSpan((int)at, length).Fill(value);
                }

                _gpu.Run(&TestKernels.Read, &transfer);
                Assert.Equal(0, transfer.Result);
            }

            Assert.True(_expected.AsSpan((int)at, length).SequenceEqual(buffer.AsSpan(0, length)));
        }, iter: 200, threads: 1);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(16)]
    public void GatherAndScatterAgreeWithAnArrayAlsoUnalignedAndBackwards(int size)
    {
        Fill();
        Random random = new(size);
        const int Count = 20_000;
        foreach (int misalignment in (int[])[0, size / 2])
        {
            long middle = ArrayBytes / 2 + misalignment;
            int reach = (int)(ArrayBytes / 2 / size) - 1;
            long[] indices = new long[Count];
            for (int i = 0; i < Count; i++)
                indices[i] = i % 2 == 0 ? random.Next(-reach, reach) : -misalignment / size + (long)(random.Next(0, 90) - 45) * 65536 / size; // Half of them at borders of 64 KiB.
            byte[] values = new byte[Count * size];
            random.NextBytes(values);
            fixed (long* index = indices)
            fixed (byte* bytes = values)
            {
                TestKernels.Transfer transfer = new() { Address = _array.Value + (ulong)middle, Buffer = bytes, Bytes = Count, Indices = index, ElementBytes = (uint)size };
                _gpu.Run(&TestKernels.Scatter, &transfer);
                for (int i = 0; i < Count; i++) // In order: a later equal index wins.
                    values.AsSpan(i * size, size).CopyTo(_expected.AsSpan((int)(middle + indices[i] * size)));
                Array.Clear(values);
                _gpu.Run(&TestKernels.Gather, &transfer);
            }

            for (int i = 0; i < Count; i++)
                Assert.True(_expected.AsSpan((int)(middle + indices[i] * size), size).SequenceEqual(values.AsSpan(i * size, size)), $"element {i}, index {indices[i]}");
        }
    }

    [Fact]
    public void TwoWindowsOfOneCallAreValidTogetherAcrossAllBorders()
    {
        Fill();
        ulong* arguments = stackalloc ulong[] { _array.Value + 3, _array.Value + (3 << 20) + 1, (3 << 20) - 7, 0 };
        _gpu.Run(&TestKernels.CopyByWindows, arguments);
        Array.Copy(_expected, (3 << 20) + 1, _expected, 3, (3 << 20) - 7);
        byte[] there = new byte[ArrayBytes];
        fixed (byte* bytes = there)
        {
            TestKernels.Transfer transfer = new() { Address = _array.Value, Buffer = bytes, Bytes = (ulong)ArrayBytes };
            _gpu.Run(&TestKernels.Read, &transfer);
        }

        Assert.True(there.AsSpan().SequenceEqual(_expected));
        Assert.True(arguments[3] > 48, "a window never spans two translations");
    }

    [Theory]
    [InlineData(0, 4)] // Device, 64 KiB block.
    [InlineData(0, 8)]
    [InlineData(2 << 16, 4)] // The program's page.
    [InlineData(2 << 16, 8)]
    public void NoAtomicAdditionIsLost(long offset, int bytes)
    {
        Fill();
        TestKernels.Transfer zero = new() { Address = _array.Value + (ulong)offset, Buffer = &zero.Old, Bytes = (ulong)bytes };
        _gpu.Run(&TestKernels.Write, &zero);
        TestKernels.Transfer transfer = new() { Address = zero.Address, ElementBytes = (uint)bytes };
        _gpu.Run(&TestKernels.AtomicAdd, &transfer, groups: 20);
        Assert.Equal(0, transfer.Result);
        long sum = 0;
        TestKernels.Transfer read = new() { Address = zero.Address, Buffer = &sum, Bytes = (ulong)bytes };
        _gpu.Run(&TestKernels.Read, &read);
        Assert.Equal(20 * 500 * 3, sum);
        Assert.InRange(transfer.Old, 499 * 3, sum - 3); // The value before the last addition of the group that ended last.
    }

    [Fact]
    public void AnAtomicAdditionIsSignedAndWrapsAround()
    {
        int value = -5;
        TestKernels.Transfer write = new() { Address = _array.Value, Buffer = &value, Bytes = 4 };
        _gpu.Run(&TestKernels.Write, &write);
        TestKernels.Transfer add = new() { Address = _array.Value, ElementBytes = 4 };
        _gpu.Run(&TestKernels.AtomicAdd, &add);
        Assert.Equal(-5 + 499 * 3, add.Old);
    }

    [Fact]
    public void WrongArgumentsFailTheLaunchWithInvalidArgument()
    {
        byte* buffer = stackalloc byte[64];
        long index = long.MaxValue / 4;
        TestKernels.Transfer wraps = new() { Address = ulong.MaxValue - 3, Buffer = buffer, Bytes = 8 };
        AssertRefused(&TestKernels.Read, &wraps, ulong.MaxValue - 3, MemoryAccess.Read);
        AssertRefused(&TestKernels.Write, &wraps, ulong.MaxValue - 3, MemoryAccess.Write);
        TestKernels.Transfer size = new() { Address = _array.Value, Buffer = buffer, Bytes = 1, Indices = &index, ElementBytes = 3 };
        AssertRefused(&TestKernels.Gather, &size, _array.Value, MemoryAccess.Read);
        AssertRefused(&TestKernels.AtomicAdd, &size, _array.Value, MemoryAccess.Write);
        TestKernels.Transfer farIndex = new() { Address = _array.Value, Buffer = buffer, Bytes = 1, Indices = &index, ElementBytes = 8 };
        AssertRefused(&TestKernels.Scatter, &farIndex, null, MemoryAccess.Write);
        index = -(long)(_array.Value / 8) - 1; // Below address 0.
        AssertRefused(&TestKernels.Gather, &farIndex, null, MemoryAccess.Read);
        TestKernels.Transfer unaligned = new() { Address = _array.Value + 2, ElementBytes = 4 };
        AssertRefused(&TestKernels.AtomicAdd, &unaligned, _array.Value + 2, MemoryAccess.Write);
        for (int mistake = 0; mistake < 4; mistake++)
            AssertRefused(&TestKernels.OpenBadWindows, &mistake, null, MemoryAccess.Read);
    }

    [Fact]
    public void NoBytesAreDoneAtOnceWhereverTheyAre()
    {
        TestKernels.Transfer nothing = new() { Address = 0, Bytes = 0, Result = -1, ElementBytes = 8 };
        _gpu.Run(&TestKernels.Read, &nothing);
        Assert.Equal(0, nothing.Result);
        _gpu.Run(&TestKernels.Gather, &nothing);
        Assert.Equal(0, _gpu.Faults);
    }

    [Fact]
    public void AnAccessThatRunsOutOfTheArrayFailsAtItsFirstByteOutside()
    {
        byte* buffer = stackalloc byte[64];
        TestKernels.Transfer transfer = new() { Address = _array.Value + (ulong)ArrayBytes - 16, Buffer = buffer, Bytes = 64 };
        SoftwareGpuLaunch launch = _gpu.RunToEnd(&TestKernels.Write, &transfer);
        Assert.Equal((SvmStatus.NotMapped, _array + ArrayBytes, MemoryAccess.Write), (launch.Status, launch.FaultAddress, launch.FaultAccess));
        Assert.Equal((int)SvmStatus.NotMapped, transfer.Result);
        transfer.Address = 1UL << 60; // No address at all.
        Assert.Equal(SvmStatus.NotMapped, _gpu.RunToEnd(&TestKernels.Read, &transfer).Status);
    }

    [Fact]
    public void AWriteToAReadOnlyPageFaultsAsAWriteAndUsesTheUpgradedEntry()
    {
        using TestGpu gpu = new(units: 1, serve: (gpu, fault) =>
        {
            VirtualAddress block = fault.Address.AlignDown(PageOrder.Medium);
            if (!gpu.Table.Lookup(block).IsPresent)
                return gpu.Bind(block, new DeviceAddress(0, AddressProtocol.LocalMemory, PageOrder.Medium, writable: false));
            VirtualAddress page = fault.Address.AlignDown(PageOrder.Small);
            return gpu.Bind(page, new DeviceAddress((ulong)(page - block), AddressProtocol.LocalMemory, PageOrder.Small, fault.Access == MemoryAccess.Write)); // The same page, now writable.
        });
        ulong value = 0;
        TestKernels.Transfer transfer = new() { Address = _array.Value + 8192, Buffer = &value, Bytes = 8 };
        gpu.Run(&TestKernels.Read, &transfer);
        value = 42;
        gpu.Run(&TestKernels.Write, &transfer);
        Assert.Equal(2, gpu.Faults);
        long misses = gpu.Device.ReadCounters().TlbMisses;
        gpu.Run(&TestKernels.Write, &transfer); // The older, larger, read-only translation does not stand in the way.
        Assert.Equal((2, misses), (gpu.Faults, gpu.Device.ReadCounters().TlbMisses));
        Assert.Equal(42UL, *(ulong*)gpu.PointerTo(_array + 8192));
    }

    [Fact]
    public void AServiceThatNeverReallyBindsRunsIntoTheBoundOfReplays()
    {
        using TestGpu gpu = new(units: 1, serve: (_, _) => SvmStatus.Done);
        ulong value = 0;
        TestKernels.Transfer transfer = new() { Address = _array.Value, Buffer = &value, Bytes = 8 };
        SoftwareGpuLaunch launch = gpu.RunToEnd(&TestKernels.Read, &transfer);
        Assert.Equal((SvmStatus.TimedOut, _array), (launch.Status, launch.FaultAddress));
        Assert.Equal(SoftwareGpuKernelMemory.MaxReplays, gpu.Faults);
    }

    private void AssertRefused(delegate* unmanaged<SoftwareGpuKernelContext*, void*, void> kernel, void* arguments, ulong? address, MemoryAccess access)
    {
        SoftwareGpuLaunch launch = _gpu.RunToEnd(kernel, arguments);
        Assert.Equal((SvmStatus.InvalidArgument, access), (launch.Status, launch.FaultAccess));
        if (address is { } expected)
            Assert.Equal(expected, launch.FaultAddress.Value);
        Assert.Equal(0, _gpu.Faults);
    }
}
