// SPDX-License-Identifier: MIT
using System.Numerics;
using System.Runtime.InteropServices;
using GpuSvm.Core.Addressing;

namespace GpuSvm.Simulation;

/// <summary>
/// The physical memory of the simulated machine: frames of 4 KiB in one pinned array, handed out by a buddy allocator, lowest address first. Freed frames
/// are filled with <see cref="FreedByte"/>; a write that reaches one afterwards, as a stale device mapping would, is found when the frame is handed out
/// again or audited.
/// </summary>
/// <remarks>Locking: none; the memory that owns it guards it. The bytes themselves are also reached by DMA pointer, without any lock.</remarks>
internal sealed class FrameStore
{
    /// <summary>What freed frames are filled with.</summary>
    public const byte FreedByte = 0xDD;

    /// <summary>What frames with undefined contents are filled with.</summary>
    public const byte RubbishByte = 0xCD;

    private readonly byte[] _bytes;
    private readonly int _baseOffset;
    private readonly FrameBitmap[] _free = new FrameBitmap[PageOrder.Huge.Value + 1];
    private readonly FrameBitmap _poisoned;

    /// <summary>Makes the memory; all of it is free, and there is one frame of zeroes beside it.</summary>
    /// <param name="frames">How many frames, 1 to 500,000.</param>
    public FrameStore(int frames)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(frames, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(frames, 500_000);
        Count = frames;
        ZeroFrame = frames;
        int alignment = (int)Math.Min(BitOperations.RoundUpToPowerOf2((uint)frames), PageSize.PagesPerHuge) << PageSize.Shift; // As the largest block, so that nothing depends on where the array lies.
        _bytes = GC.AllocateArray<byte>(((frames + 1) << PageSize.Shift) + alignment, pinned: true);
        nint start = Marshal.UnsafeAddrOfPinnedArrayElement(_bytes, 0);
        _baseOffset = (int)(-start & (alignment - 1));
        _poisoned = new FrameBitmap(frames);
        for (int order = 0; order < _free.Length; order++)
            _free[order] = new FrameBitmap((frames >> order) + 1);
        ReleaseBlocks(0, frames);
    }

    /// <summary>All frames, without the frame of zeroes.</summary>
    public int Count { get; }

    /// <summary>Frames handed out at this moment.</summary>
    public int InUse { get; private set; }

    /// <summary>The number of the shared frame of zeroes; it is never handed out.</summary>
    public int ZeroFrame { get; }

    /// <summary>Hands out a block of frames, aligned to its size.</summary>
    /// <param name="order">The block's order, 0 to 9.</param>
    /// <param name="fill">The byte its contents are set to; null to leave whatever is there.</param>
    /// <param name="frame">Its first frame.</param>
    /// <returns>False if no block of that size is left.</returns>
    /// <exception cref="InvalidOperationException">One of the frames was written after it was freed.</exception>
    public bool TryAllocate(PageOrder order, byte? fill, out int frame)
    {
        for (int from = order.Value; from < _free.Length; from++)
        {
            if (!_free[from].TryTakeFirst(out int block))
                continue;
            while (from > order.Value)
            {
                from--;
                block <<= 1;
                _free[from].Add(block + 1);
            }

            frame = block << order.Value;
            for (int i = frame; i < frame + order.Pages; i++)
            {
                CheckPoison(i);
                _poisoned.Remove(i);
            }

            if (fill is { } value)
                Bytes(frame, order.Pages).Fill(value);
            InUse += order.Pages;
            return true;
        }

        frame = 0;
        return false;
    }

    /// <summary>Takes frames back and poisons them.</summary>
    /// <param name="frame">The first frame.</param>
    /// <param name="frames">How many, at least 1; each handed out, not necessarily together.</param>
    public void Free(int frame, int frames)
    {
        Bytes(frame, frames).Fill(FreedByte);
        for (int i = frame; i < frame + frames; i++)
            _poisoned.Add(i);
        InUse -= frames;
        ReleaseBlocks(frame, frames);
    }

    /// <summary>The bytes of some frames.</summary>
    /// <param name="frame">The first frame, or <see cref="ZeroFrame"/>.</param>
    /// <param name="frames">How many.</param>
    /// <returns>The bytes, for use under the owner's lock.</returns>
    public Span<byte> Bytes(int frame, int frames = 1) => _bytes.AsSpan(_baseOffset + (frame << PageSize.Shift), frames << PageSize.Shift);

    /// <summary>Where a DMA engine reaches a frame; frames aligned to 2 MiB in number are so in address.</summary>
    /// <param name="frame">The frame, or <see cref="ZeroFrame"/>.</param>
    /// <returns>Its first byte, good for as long as this object lives.</returns>
    public DmaPointer PointerTo(int frame) => new(Marshal.UnsafeAddrOfPinnedArrayElement(_bytes, _baseOffset + (frame << PageSize.Shift)));

    /// <summary>The bytes that a DMA engine reaches by a pointer.</summary>
    /// <param name="pointer">The first of them.</param>
    /// <param name="bytes">How many, inside one frame.</param>
    /// <returns>The bytes.</returns>
    /// <exception cref="InvalidOperationException">The frame is free, or there is none there.</exception>
    public Span<byte> BytesAt(DmaPointer pointer, int bytes)
    {
        long offset = pointer.Value - PointerTo(0).Value;
        int frame = (int)(offset >> PageSize.Shift), first = (int)(offset & (PageSize.Bytes - 1));
        if (offset < 0 || frame > ZeroFrame || first + bytes > PageSize.Bytes || (frame != ZeroFrame && IsFree(frame)))
            throw new InvalidOperationException($"A device reaches for {bytes} bytes at {first} in frame {frame}, which is free or not there.");
        return Bytes(frame).Slice(first, bytes);
    }

    /// <summary>Whether a frame is free: in a free block of some order.</summary>
    /// <param name="frame">The frame.</param>
    /// <returns>True if nobody owns it.</returns>
    public bool IsFree(int frame)
    {
        for (int order = 0; order < _free.Length; order++)
        {
            if (_free[order].Contains(frame >> order))
                return true;
        }

        return false;
    }

    /// <summary>Checks that no free frame, and not the frame of zeroes, was written.</summary>
    /// <exception cref="InvalidOperationException">One was; the message says which and where.</exception>
    public void CheckAllPoison()
    {
        for (int frame = 0; frame < Count; frame++)
            CheckPoison(frame);
        int written = Bytes(ZeroFrame).IndexOfAnyExcept((byte)0);
        if (written >= 0)
            throw new InvalidOperationException($"The shared page of zeroes was written at byte {written}.");
    }

    /// <summary>Checks one frame, if it has been freed.</summary>
    /// <param name="frame">The frame.</param>
    private void CheckPoison(int frame)
    {
        if (!_poisoned.Contains(frame))
            return;
        int written = Bytes(frame).IndexOfAnyExcept(FreedByte);
        if (written >= 0)
            throw new InvalidOperationException($"Frame {frame} was written at byte {written} after it was freed: a stale device mapping or copy.");
    }

    /// <summary>Puts frames into the free sets as the largest aligned blocks, each merged with its free buddies.</summary>
    /// <param name="frame">The first frame.</param>
    /// <param name="frames">How many.</param>
    private void ReleaseBlocks(int frame, int frames)
    {
        int end = frame + frames;
        while (frame < end)
        {
            int order = 0;
            while (order < PageOrder.Huge.Value && (frame >> order & 1) == 0 && frame + (2 << order) <= end)
                order++;
            int next = frame + (1 << order);
            int block = frame >> order;
            while (order < PageOrder.Huge.Value && _free[order].Remove(block ^ 1))
            {
                block >>= 1;
                order++;
            }

            _free[order].Add(block);
            frame = next;
        }
    }
}
