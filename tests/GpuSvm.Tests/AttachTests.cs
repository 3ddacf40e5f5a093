// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Tests;

/// <summary>Native memory of the process that devices share.</summary>
public sealed unsafe class AttachTests
{
    private const int Count = 200_000;

    [Fact]
    public void NativeMemoryMovesToTheDeviceAndComesHomeWhenItIsDetached()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Real);
        long* numbers = (long*)NativeMemory.Alloc(Count, sizeof(long)); // SAFETY: freed below, after it was detached.
        for (int i = 0; i < Count; i++)
            numbers[i] = i;
        using (AttachedMemory attached = memory.Attach((nint)numbers, Count * sizeof(long)))
        {
            Assert.Equal(((nint)numbers, (nint)Count * sizeof(long)), (attached.Address, attached.Bytes));
            Assert.True(attached.Prefetch(MemoryLocation.Device) > 0);
            nint address = attached.Address;
            memory.Run(1, context =>
            {
                for (int i = 0; i < Count; i += 1000)
                    context.Store(address + (i * sizeof(long)), context.Load<long>(address + (i * sizeof(long))) + 1);
            });
            Assert.Equal(1001, numbers[1000]); // The CPU touches it, and the page comes home.
            Assert.True(memory.Statistics.BytesToDevice > 0);
        }

        for (int i = 0; i < Count; i++)
            Assert.Equal(i % 1000 == 0 ? i + 1 : i, numbers[i]);
        memory.CheckInvariants();
        NativeMemory.Free(numbers);
    }

    [Fact]
    public void WhatWasNotDetachedComesHomeWhenTheMemoryIsDisposed()
    {
        long* numbers = (long*)NativeMemory.Alloc(Count, sizeof(long)); // SAFETY: as above.
        new Span<long>(numbers, Count).Fill(7);
        AttachedMemory attached;
        using (SharedMemory memory = Memories.Open(MemoryKind.Real))
        {
            attached = memory.Attach((nint)numbers, Count * sizeof(long));
            attached.Prefetch(MemoryLocation.Device);
        }

        attached.Dispose(); // Which does nothing any more.
        Assert.Throws<ObjectDisposedException>(() => attached.Use());
        Assert.Equal(-1, new Span<long>(numbers, Count).IndexOfAnyExcept(7));
        NativeMemory.Free(numbers);
    }

    [Fact]
    public void WhatCannotBeAttachedIsNamedWithTheRemedy()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Real);
        Assert.Equal(StatusCode.NotMapped, Assert.Throws<SharedMemoryException>(() => memory.Attach(1 << 16, 4096)).Status);
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Attach(1 << 16, 0));
        using SharedMemory portable = Memories.Open(MemoryKind.Portable);
        void* page = NativeMemory.AlignedAlloc(4096, 4096); // SAFETY: freed below; never attached.
        SharedMemoryException failure = Assert.Throws<SharedMemoryException>(() => portable.Attach((nint)page, 4096));
        Assert.Equal(StatusCode.NotSupported, failure.Status);
        Assert.Contains("doctor", failure.Message, StringComparison.Ordinal);
        NativeMemory.AlignedFree(page);
    }
}
