// SPDX-License-Identifier: MIT
using System.Buffers;
using System.Runtime.InteropServices;

namespace GpuSvm.Tests;

/// <summary>Arrays in the hands of framework code: as Memory, as an owner of memory, pinned; and what becomes of those when the array is disposed.</summary>
public sealed class SharedArrayMemoryTests
{
    [Theory]
    [InlineData(MemoryKind.Real)]
    [InlineData(MemoryKind.Portable)]
    public async Task AFileIsReadIntoAnArrayAndWrittenFromIt(MemoryKind kind)
    {
        using SharedMemory memory = Memories.Open(kind);
        using SharedArray<byte> array = memory.Allocate<byte>(1 << 20);
        byte[] bytes = new byte[1 << 20];
        new Random(1).NextBytes(bytes);
        string file = Path.GetTempFileName();
        try
        {
            await File.WriteAllBytesAsync(file, bytes);
            await using (FileStream stream = File.OpenRead(file))
                await stream.ReadExactlyAsync(array.Memory);
            Assert.True(array.Span.SequenceEqual(bytes));
            memory.Run(1, context => context.Store(array, 12345, (byte)(bytes[12345] + 1)));
            await File.WriteAllBytesAsync(file, array.Memory);
            bytes[12345]++;
            Assert.Equal(bytes, await File.ReadAllBytesAsync(file));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void AnOwnerOfMemoryDisposesTheArray()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Portable);
        SharedArray<long> array = memory.Allocate<long>(1000);
        Fill(array);
        Assert.Equal(42, array[7]);
        DisposeOwner(array);
        Assert.Equal(0, memory.Statistics.HeapBytes);
        Assert.Throws<ObjectDisposedException>(() => array[7]);
    }

    [Fact]
    public void MemoryIsTheArrayAndItsPartsAreParts()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Portable);
        using SharedArray<int> array = memory.Allocate<int>(100);
        for (int i = 0; i < 100; i++)
            array[i] = i;
        Assert.Equal([40, 41], array.AsMemory(40, 2).ToArray());
        Assert.Equal([41, 42], array.Memory[40..].Slice(1, 2).ToArray());
        Assert.True(MemoryMarshal.TryGetMemoryManager<int, SharedArray<int>>(array.Memory, out SharedArray<int>? found));
        Assert.Same(array, found);
        Assert.Throws<ArgumentOutOfRangeException>(() => array.AsMemory(99, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => array.AsMemory(-1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => array.Pin(101));
    }

    [Fact]
    public unsafe void BeyondTwoGibibytesMemoryIsTakenByOffset()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Real); // As in SharedArrayTests: nothing of it is touched but one page.
        using SharedArray<byte> array = memory.Allocate<byte>((nint)3 << 30);
        InvalidOperationException refused = Assert.Throws<InvalidOperationException>(() => array.Memory.Length);
        Assert.Contains("AsMemory", refused.Message, StringComparison.Ordinal);
        Memory<byte> last = array.AsMemory(array.Length - 10, 10);
        last.Span.Fill(7);
        Assert.Equal(7, array[array.Length - 1]);
        Assert.Equal(0, array[array.Length - 11]);
        using (MemoryHandle pin = last[2..].Pin())
            Assert.Equal(array.Address + array.Length - 8, (nint)pin.Pointer);
        array.Dispose();
        Assert.Throws<ObjectDisposedException>(() => last.Span.Length);
    }

    [Fact]
    public void MemoryOfADisposedArraySaysSo()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Portable);
        SharedArray<int> array = memory.Allocate<int>(10);
        Memory<int> kept = array.Memory;
        array.Dispose();
        Assert.Throws<ObjectDisposedException>(() => kept.Span.Length);
        Assert.Throws<ObjectDisposedException>(() => kept.Pin());
        Assert.Throws<ObjectDisposedException>(() => array.Memory);
    }

    [Fact]
    public unsafe void WhatIsPinnedStaysUntilItIsLetGo()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Portable);
        SharedArray<int> array = memory.Allocate<int>(10);
        MemoryHandle first = array.Memory.Pin();
        MemoryHandle second = array.Pin(3);
        array.Dispose();
        Assert.Throws<ObjectDisposedException>(() => array.Pin());
        first.Dispose();
        Assert.Equal(4096, memory.Statistics.HeapBytes);
        *(int*)second.Pointer = 5;
        second.Dispose();
        Assert.Equal(0, memory.Statistics.HeapBytes);
    }

    [Theory]
    [InlineData(MemoryKind.Real)]
    [InlineData(MemoryKind.Portable)]
    public unsafe void WhatIsPinnedOutlivesItsMemoryEvenOnTheDevice(MemoryKind kind)
    {
        SharedMemory memory = Memories.Open(kind);
        SharedArray<long> array = memory.Allocate<long>(100_000);
        memory.Run(1, context => context.Store(array, 5, 77L));
        using SvmEventReader events = memory.OpenEvents(16); // Ends when the library closes the memory.
        MemoryHandle pin = array.Pin(5);
        memory.Dispose();
        Assert.Throws<ObjectDisposedException>(() => array[5]);
        Assert.Equal(77, *(long*)pin.Pointer);
        Assert.InRange(events.Read(new SvmEvent[16]), 0, 16);
        pin.Dispose();
        Assert.Equal(StatusCode.InvalidHandle, Assert.Throws<SharedMemoryException>(() => events.Read(new SvmEvent[16])).Status);
    }

    /// <summary>Framework code that is lent memory.</summary>
    private static void Fill(IMemoryOwner<long> owner)
    {
        Assert.Equal(1000, owner.Memory.Length);
        owner.Memory.Span[7] = 42;
    }

    /// <summary>Framework code that is given memory.</summary>
    private static void DisposeOwner(IMemoryOwner<long> owner) => owner.Dispose();
}
