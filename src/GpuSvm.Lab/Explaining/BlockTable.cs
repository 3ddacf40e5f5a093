// SPDX-License-Identifier: MIT
using System.Runtime.CompilerServices;
using GpuSvm.Core.Addressing;

namespace GpuSvm.Lab.Explaining;

/// <summary>Blocks of addresses by number. They begin at 64 KiB; when there are too many each becomes twice as large, so that a trace of any footprint needs the same memory.</summary>
public sealed class BlockTable
{
    private const int FirstShift = 16;
    private const int PieceBits = 4;
    private const int Cached = 256; // A power of two.

    private readonly int _most;
    private readonly ulong[] _cachedNumbers = new ulong[Cached]; // A block's number and 1; 0 for none.
    private readonly BlockUse[] _cachedBlocks = new BlockUse[Cached];
    private Dictionary<ulong, BlockUse> _blocks = [];

    /// <summary>Makes an empty table.</summary>
    /// <param name="most">The most blocks, at least 2.</param>
    public BlockTable(int most = 1 << 15)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(most, 2);
        _most = most;
    }

    /// <summary>log2 of a block's bytes.</summary>
    public int Shift { get; private set; } = FirstShift;

    /// <summary>Bytes of a block.</summary>
    public long BlockBytes => 1L << Shift;

    /// <summary>Bytes of a piece: a page until blocks have grown.</summary>
    public long PieceBytes => 1L << (Shift - PieceBits);

    /// <summary>All blocks with their first address, by address.</summary>
    public IEnumerable<(VirtualAddress Start, BlockUse Use)> InOrder =>
        _blocks.OrderBy(block => block.Key).Select(block => (new VirtualAddress(block.Key << Shift), block.Value));

    /// <summary>The block of an address, made if need be.</summary>
    /// <param name="address">The address.</param>
    /// <returns>The block; good until the next call, which may make blocks grow.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public BlockUse Of(ulong address)
    {
        ulong number = address >> Shift;
        int slot = (int)number & (Cached - 1);
        return _cachedNumbers[slot] == number + 1 ? _cachedBlocks[slot] : Fill(address);
    }

    /// <summary>A block, if there is one.</summary>
    /// <param name="address">Any address in it.</param>
    /// <returns>The block, or null.</returns>
    public BlockUse? Find(ulong address) => _blocks.GetValueOrDefault(address >> Shift);

    /// <summary>The mask of the pieces that an interval has in one block.</summary>
    /// <param name="start">Its first address.</param>
    /// <param name="end">Its end, in the same block or at its end.</param>
    /// <returns>A bit for each piece.</returns>
    public uint MaskOf(ulong start, ulong end)
    {
        int first = (int)(start >> (Shift - PieceBits)) & (BlockUse.Pieces - 1);
        int last = (int)((end - 1) >> (Shift - PieceBits)) & (BlockUse.Pieces - 1);
        return ((1u << (last - first + 1)) - 1) << first;
    }

    /// <summary>Puts a block into the cache, and makes it if there is none.</summary>
    /// <param name="address">Any address in it.</param>
    /// <returns>The block.</returns>
    private BlockUse Fill(ulong address)
    {
        if (!_blocks.TryGetValue(address >> Shift, out BlockUse? block))
        {
            while (_blocks.Count >= _most)
                Grow();
            if (!_blocks.TryGetValue(address >> Shift, out block)) // It may lie in one that has just grown.
                _blocks.Add(address >> Shift, block = new BlockUse());
        }

        ulong number = address >> Shift;
        int slot = (int)number & (Cached - 1);
        (_cachedNumbers[slot], _cachedBlocks[slot]) = (number + 1, block);
        return block;
    }

    /// <summary>Makes blocks twice as large.</summary>
    private void Grow()
    {
        var grown = new Dictionary<ulong, BlockUse>();
        foreach ((ulong number, BlockUse half) in _blocks)
        {
            if (!grown.TryGetValue(number >> 1, out BlockUse? whole))
                grown.Add(number >> 1, whole = new BlockUse());
            whole.AddHalf(half, (number & 1) != 0);
        }

        _blocks = grown;
        Shift++;
        Array.Clear(_cachedNumbers);
    }
}
