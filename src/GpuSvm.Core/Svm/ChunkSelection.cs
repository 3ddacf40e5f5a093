// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Svm;

/// <summary>Chooses how large a new range around a faulting address is. Kernel: drm_gpusvm_range_chunk_size.</summary>
internal static class ChunkSelection
{
    /// <summary>Finds the largest allowed, naturally aligned block around an address.</summary>
    /// <param name="orders">The allowed orders, descending, the last one 0.</param>
    /// <param name="address">The faulting address.</param>
    /// <param name="mapping">The host mapping that holds it.</param>
    /// <param name="window">The GPU's mirror window that holds it.</param>
    /// <param name="notifier">The notifier window; its lock is held.</param>
    /// <param name="maxBytes">No block larger than this, at least 4096.</param>
    /// <returns>The block, or null if not even one page fits.</returns>
    /// <remarks>Locking: Notifier held. Whether pages are present is the caller's question: it may not be asked here; the caller chooses again below a block that failed it.</remarks>
    public static AddressRange? LargestLocked(
        ReadOnlySpan<PageOrder> orders, VirtualAddress address, AddressRange mapping, AddressRange window, SvmNotifier notifier, long maxBytes = long.MaxValue)
    {
        notifier.Lock.AssertHeld();
        foreach (PageOrder order in orders)
        {
            AddressRange block = address.Block(order);
            if (block.Bytes > maxBytes || !mapping.Contains(block) || !window.Contains(block) || !notifier.Interval.Contains(block))
                continue;
            if (notifier.Ranges.FindFirst(block) is null)
                return block;
        }

        return null;
    }

    /// <summary>Cuts an interval into the fewest allowed, naturally aligned blocks, from the start on: what is left of a range when part of it goes.</summary>
    /// <param name="orders">The allowed orders, descending, the last one 0.</param>
    /// <param name="interval">The interval, page aligned.</param>
    /// <param name="blocks">Receives the blocks in address order.</param>
    public static void Decompose(ReadOnlySpan<PageOrder> orders, AddressRange interval, List<AddressRange> blocks)
    {
        for (VirtualAddress at = interval.Start; at < interval.End;)
        {
            AddressRange next = default;
            foreach (PageOrder order in orders)
            {
                next = AddressRange.OfBytes(at, order.Bytes);
                if (at.IsAligned(order) && next.End <= interval.End)
                    break;
            }

            blocks.Add(next);
            at = next.End;
        }
    }
}
