// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Native.Tests;

namespace GpuSvm.Tests;

/// <summary>Kernels in C, compiled here and given as function pointers, which work through windows.</summary>
public sealed unsafe class CKernelTests
{
    [Theory]
    [InlineData(MemoryKind.Portable, 4096)]
    [InlineData(MemoryKind.Portable, 2 << 20)]
    [InlineData(MemoryKind.Real, 4096)]
    [InlineData(MemoryKind.Real, 65536)]
    [InlineData(MemoryKind.Real, 2 << 20)]
    public void AKernelInCWorksThroughWindows(MemoryKind kind, int chunkBytes)
    {
        nint scale = NativeLibrary.GetExport(Kernels(), "scale");
        using SharedMemory memory = Memories.Open(kind, deviceBytes: 4 << 20, chunkBytes: chunkBytes);
        using SharedArray<long> from = memory.Allocate<long>(1 << 20); // Two arrays of 8 MiB, four times the device memory.
        using SharedArray<long> to = memory.Allocate<long>(1 << 20);
        for (int i = 0; i < from.Length; i++)
            (from[i], to[i]) = (i, 1);
        var arguments = new ScaleArguments { From = (ulong)from.Address, To = (ulong)to.Address, Count = (ulong)from.Length, Factor = 3 };
        for (int pass = 0; pass < 2; pass++)
        {
            using Launch launch = memory.Launch((delegate* unmanaged<KernelContextData*, void*, void>)scale, &arguments, 7);
            Assert.True(launch.Wait(TimeSpan.FromSeconds(60)));
        }
        for (int i = 0; i < to.Length; i++)
            Assert.Equal(1 + (6L * i), to[i]);
        memory.CheckInvariants();
    }

    [Theory]
    [InlineData(MemoryKind.Portable)]
    [InlineData(MemoryKind.Real)]
    public void AStrayWindowFailsTheLaunchWithItsAddress(MemoryKind kind)
    {
        nint stray = NativeLibrary.GetExport(Kernels(), "stray");
        using SharedMemory memory = Memories.Open(kind);
        long mine = 5;
        ulong address = (ulong)&mine;
        using Launch launch = memory.Launch((delegate* unmanaged<KernelContextData*, void*, void>)stray, &address, 1);
        KernelAccessException failed = Assert.Throws<KernelAccessException>(launch.Wait);
        Assert.Equal((nint)address, failed.Address);
        Assert.Equal(KernelAccess.Write, failed.Access);
        Assert.Equal(5, mine);
    }

    private static nint Kernels() => NativeLibrary.Load(CCompiler.Compile(["native/kernels.c"], "kernels.so", "-shared", "-fPIC"));

    private struct ScaleArguments
    {
        public ulong From;
        public ulong To;
        public ulong Count;
        public long Factor;
    }
}
