// SPDX-License-Identifier: MIT
using System.Numerics;

namespace GpuSvm.SoftwareGpu;

/// <summary>
/// Hands out blocks of 2^order frames, aligned to their size, orders 0 to 9. A block that is too large is halved; a block that comes back joins its
/// buddy (the other half) as long as that is free too. Always the lowest block of the smallest order that fits, so that use stays dense at the bottom and
/// large blocks survive at the top. Any number of frames will do: what does not fill a block of order 9 starts as smaller ones.
/// </summary>
/// <remarks>Not thread-safe; <see cref="SoftwareGpuMemory"/> locks. At most 10 steps a call, each a few words; allocates only when made.
/// Kernel: drm_buddy.</remarks>
internal sealed class BuddyAllocator
{
    /// <summary>The largest order of a block: 2 MiB.</summary>
    internal const int MaxOrder = 9;

    private const byte FreeHead = 0x40;
    private const byte TakenHead = 0x80;

    private readonly byte[] _heads; // For a block's first frame: FreeHead or TakenHead with the order. For every other frame 0.
    private readonly BlockBitmap[] _free = new BlockBitmap[MaxOrder + 1];
    private int _freePages;
    private int _freeOrders; // Bit k: there are free blocks of order k.

    /// <summary>Makes an allocator of frames that are all free.</summary>
    /// <param name="pages">How many frames, at least 1.</param>
    internal BuddyAllocator(int pages)
    {
        Pages = pages;
        _heads = new byte[pages];
        for (int order = 0; order <= MaxOrder; order++)
            _free[order] = new BlockBitmap(pages >> order);
        int frame = 0;
        while (frame < pages)
        {
            int order = Math.Min(MaxOrder, BitOperations.Log2((uint)(pages - frame)));
            AddFree(frame, order);
            frame += 1 << order;
        }

        _freePages = pages;
    }

    /// <summary>All frames.</summary>
    internal int Pages { get; }

    /// <summary>Frames in no taken block; may be read without the owner's lock.</summary>
    internal int FreePages => Volatile.Read(ref _freePages); // Pairs with the plain writes under the owner's lock: any recent value will do.

    /// <summary>Takes a block.</summary>
    /// <param name="order">0 to <see cref="MaxOrder"/>.</param>
    /// <param name="frame">Its first frame.</param>
    /// <returns>False if there is no free block of the order or above.</returns>
    internal bool TryAllocate(int order, out int frame)
    {
        int candidates = _freeOrders >> order;
        if (candidates == 0)
        {
            frame = 0;
            return false;
        }

        int have = order + BitOperations.TrailingZeroCount(candidates);
        frame = _free[have].First() << have;
        RemoveFree(frame, have);
        while (have > order)
        {
            have--;
            AddFree(frame + (1 << have), have);
        }

        _heads[frame] = (byte)(TakenHead | order);
        _freePages -= 1 << order;
        return true;
    }

    /// <summary>Gives a block back.</summary>
    /// <param name="frame">As <see cref="TryAllocate"/> gave it.</param>
    /// <param name="order">The same order.</param>
    /// <exception cref="InvalidOperationException">It is not a taken block of that order: freed twice, or never allocated so.</exception>
    internal void Free(int frame, int order)
    {
        if ((uint)frame >= (uint)Pages || _heads[frame] != (TakenHead | order))
            throw new InvalidOperationException($"Device block of order {order} at frame {frame} is freed but not taken: {Describe(frame)}.");
        _heads[frame] = 0;
        _freePages += 1 << order;
        while (order < MaxOrder)
        {
            int buddy = frame ^ (1 << order);
            if (buddy >= Pages || _heads[buddy] != (FreeHead | order))
                break;
            RemoveFree(buddy, order);
            frame &= ~(1 << order);
            order++;
        }

        AddFree(frame, order);
    }

    /// <summary>Gives frames back that may be parts of taken blocks; what is left of a block stays taken, as smaller blocks.</summary>
    /// <param name="frame">The first frame.</param>
    /// <param name="pages">How many frames in a row.</param>
    /// <exception cref="InvalidOperationException">One of them is not taken.</exception>
    internal void FreePart(int frame, int pages)
    {
        for (int end = frame + pages; frame < end;)
        {
            int have = TakenOrder(frame, out int head);
            int order = Math.Min(Math.Min(have, BitOperations.Log2((uint)(end - frame))), BitOperations.TrailingZeroCount((uint)frame | (1U << MaxOrder)));
            while (have > order)
            {
                have--;
                int upper = head + (1 << have);
                _heads[head] = _heads[upper] = (byte)(TakenHead | have);
                head = frame < upper ? head : upper;
            }

            Free(frame, order);
            frame += 1 << order;
        }
    }

    /// <summary>The taken block that a frame lies in.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="head">The block's first frame.</param>
    /// <returns>The block's order.</returns>
    /// <exception cref="InvalidOperationException">It lies in none.</exception>
    private int TakenOrder(int frame, out int head)
    {
        for (int order = 0; order <= MaxOrder && (uint)frame < (uint)Pages; order++)
        {
            head = frame & ~((1 << order) - 1);
            if (_heads[head] == (TakenHead | order))
                return order;
        }

        throw new InvalidOperationException($"Device frame {frame} is freed but not taken: {Describe(frame)}.");
    }

    /// <summary>What a frame is, for messages.</summary>
    /// <param name="frame">Any number.</param>
    /// <returns>Half a sentence.</returns>
    private string Describe(int frame)
    {
        if ((uint)frame >= (uint)Pages)
            return $"the memory has {Pages} frames";
        int order = _heads[frame] & 15;
        return (_heads[frame] & 0xC0) switch
        {
            FreeHead => $"a free block of order {order} starts there (freed twice?)",
            TakenHead => $"a taken block of order {order} starts there",
            _ => "it is inside another block (freed twice?)",
        };
    }

    /// <summary>Puts a block among the free ones.</summary>
    /// <param name="frame">Its first frame.</param>
    /// <param name="order">Its order.</param>
    private void AddFree(int frame, int order)
    {
        _heads[frame] = (byte)(FreeHead | order);
        _free[order].Add(frame >> order);
        _freeOrders |= 1 << order;
    }

    /// <summary>Takes a block from among the free ones.</summary>
    /// <param name="frame">Its first frame.</param>
    /// <param name="order">Its order.</param>
    private void RemoveFree(int frame, int order)
    {
        _heads[frame] = 0;
        _free[order].Remove(frame >> order);
        if (_free[order].IsEmpty)
            _freeOrders &= ~(1 << order);
    }
}
