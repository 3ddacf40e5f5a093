// SPDX-License-Identifier: MIT
namespace GpuSvm.Tests;

/// <summary>Arrays as a program sees them: zeroed, bounds checked, and harmless when used wrongly.</summary>
public sealed class SharedArrayTests : IDisposable
{
    private readonly SharedMemory _memory = Memories.Open(MemoryKind.Portable);

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void AnArrayIsZeroedAndAligned()
    {
        using SharedArray<int> small = _memory.Allocate<int>(1000);
        using SharedArray<long> large = _memory.Allocate<long>(1 << 20);
        Assert.Equal(0, small.Address % 4096);
        Assert.Equal(0, large.Address % (2 << 20));
        Assert.Equal(-1, small.Span.IndexOfAnyExcept(0));
        Assert.Equal(-1, large.Span.IndexOfAnyExcept(0L));
        Assert.Equal(8 << 20, large.LengthInBytes);
    }

    [Fact]
    public unsafe void PointerSpanSliceAndIndexerAreTheSameMemory()
    {
        using SharedArray<int> array = _memory.Allocate<int>(100);
        array[7] = 1;
        array.Span[8] = 2;
        array.Pointer[9] = 3;
        array.Slice(10, 2)[0] = 4;
        Assert.Equal([1, 2, 3, 4], array.Slice(7, 4).ToArray());
    }

    [Fact]
    public void AnEmptyArrayIsAnArray()
    {
        using SharedArray<int> array = _memory.Allocate<int>(0);
        Assert.Equal(0, array.Length);
        Assert.True(array.Span.IsEmpty);
        Assert.Throws<ArgumentOutOfRangeException>(() => array[0]);
    }

    [Fact]
    public void IndicesAreChecked()
    {
        using SharedArray<int> array = _memory.Allocate<int>(10);
        Assert.Throws<ArgumentOutOfRangeException>(() => array[10]);
        Assert.Throws<ArgumentOutOfRangeException>(() => array[-1]);
        Assert.Throws<ArgumentOutOfRangeException>(() => array.Slice(5, 6).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => array.Slice(nint.MaxValue, 1).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => array.Slice(0, -1).Length);
        Assert.Equal(0, array.Slice(10, 0).Length);
    }

    [Fact]
    public void AnArrayBeyondTwoGibibytesIsReachedByNativeIndexAndSlice()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Real); // Portable memory would have to be touched, and here is the point that it need not be.
        using SharedArray<byte> array = memory.Allocate<byte>((nint)3 << 30);
        nint last = array.Length - 1;
        array[last] = 42;
        array.Slice(last - 10, 5).Fill(7);
        Assert.Equal(42, array[last]);
        Assert.Equal(7, array[last - 6]);
        Assert.Equal(0, array[(nint)1 << 31]);
        InvalidOperationException refused = Assert.Throws<InvalidOperationException>(() => array.Span.Length);
        Assert.Contains("Slice", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AnImpossibleLengthIsRefusedAndNothingIsLost()
    {
        using SharedArray<long> keeps = _memory.Allocate<long>(1000);
        keeps.Span.Fill(5);
        Assert.Throws<ArgumentOutOfRangeException>(() => _memory.Allocate<long>(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => _memory.Allocate<long>(nint.MaxValue));
        SharedMemoryException full = Assert.Throws<SharedMemoryException>(() => _memory.Allocate<long>((nint)1 << 40));
        Assert.Equal(StatusCode.OutOfHostMemory, full.Status);
        Assert.Contains("capacity", full.Message, StringComparison.Ordinal);
        Assert.Equal(-1, keeps.Span.IndexOfAnyExcept(5L));
        Assert.Equal(8192, _memory.Statistics.HeapBytes);
    }

    [Fact]
    public void FreeingTwiceIsHarmlessAndUseAfterwardsIsRefused()
    {
        SharedArray<int> array = _memory.Allocate<int>(10);
        array.Dispose();
        array.Dispose();
        Assert.Throws<ObjectDisposedException>(() => array.Length);
        Assert.Throws<ObjectDisposedException>(() => array.Span.Length);
        Assert.Throws<ObjectDisposedException>(() => array[0]);
        Assert.Throws<ObjectDisposedException>(() => array.Address);
        Assert.Throws<ObjectDisposedException>(() => _memory.Prefetch(array, MemoryLocation.Device));
        Assert.Equal(0, _memory.Statistics.HeapBytes);
    }

    [Fact]
    public void DisposingTheMemoryEndsItsArrays()
    {
        SharedMemory memory = Memories.Open(MemoryKind.Portable);
        SharedArray<int> array = memory.Allocate<int>(10);
        memory.Dispose();
        memory.Dispose();
        Assert.Throws<ObjectDisposedException>(() => array[0]);
        array.Dispose();
        Assert.Throws<ObjectDisposedException>(() => memory.Allocate<int>(10));
        Assert.Throws<ObjectDisposedException>(() => memory.Launch(_ => { }, 1));
        Assert.Throws<ObjectDisposedException>(() => memory.Statistics);
        Assert.Throws<ObjectDisposedException>(memory.CheckInvariants);
    }

    [Fact]
    public void FreedMemoryIsZeroWhenItComesBack()
    {
        for (int round = 0; round < 20; round++)
        {
            using SharedArray<long> array = _memory.Allocate<long>(10_000);
            Assert.Equal(-1, array.Span.IndexOfAnyExcept(0L));
            array.Span.Fill(-1);
            _memory.Run(1, context => context.Store(array, 5_000, 7L));
        }
    }

    [Fact]
    public void AnUndisposedArrayIsReportedAndItsMemoryStaysUntilTheMemoryEnds()
    {
        Leak(_memory);
        for (int round = 0; round < 10 && _memory.LeakedArrays == 0; round++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        Assert.Equal(1, _memory.LeakedArrays);
        Assert.Equal(4096, _memory.Statistics.HeapBytes);
    }

    [Fact]
    public void TwoArraysNeverShareAByte()
    {
        List<SharedArray<byte>> arrays = [];
        for (int i = 0; i < 100; i++)
        {
            arrays.Add(_memory.Allocate<byte>(1 + (i * 1000)));
            arrays[i].Span.Fill((byte)i);
        }
        for (int i = 0; i < 100; i++)
            Assert.Equal(-1, arrays[i].Span.IndexOfAnyExcept((byte)i));
        arrays.ForEach(array => array.Dispose());
        Assert.Equal(0, _memory.Statistics.HeapBytes);
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private static void Leak(SharedMemory memory) => memory.Allocate<byte>(100)[3] = 1;
}
