// SPDX-License-Identifier: MIT
using System.Diagnostics;
using System.Numerics;
using GpuSvm.Core.Addressing;

namespace GpuSvm.Linux;

/// <summary>
/// Which way of giving small pages back to the CPU is the cheaper one, here and now: moving them, or copying them and dropping what stays in the staging block.
/// </summary>
/// <remarks>
/// The kernel flushes the TLBs of other processors for each small page that moves, and for a copy not at all. What a flush costs depends on the machine (a microsecond, or 30 on a virtual one) and on
/// whether other threads of the process run at that moment, so it is measured as it happens: a running mean for each way and size, and now and then the way that is not preferred is tried.
/// Moving costs the pages that have to be put into the block first, if there were none; copying costs the drop of the pages that stay, if they must make room.
/// Locking: none. All figures are estimates; an update that gets lost does no harm.
/// </remarks>
internal sealed class AttachCosts
{
    /// <summary>How seldom the other way is tried: it may be thirty times as dear.</summary>
    private const int ChoicesToTry = 256;

    /// <summary>Part of a new figure in the running mean: one in so many.</summary>
    private const int Weight = 8;

    /// <summary>Copied pages after which old drops count half.</summary>
    private const long PagesToHalve = 8192;

    private readonly long[] _move = new long[PageOrder.Huge.Value + 1]; // Stopwatch ticks by order; 0: never tried.
    private readonly long[] _copy = new long[PageOrder.Huge.Value + 1]; // As _move.
    private long _copiedPages;
    private long _dropTicks; // For the pages that copies have left.
    private int _choices;

    /// <summary>Whether to copy.</summary>
    /// <param name="pages">How many pages, 1 to 512.</param>
    /// <returns>False to move.</returns>
    internal bool PrefersCopy(int pages)
    {
        int order = OrderOf(pages);
        long move = Volatile.Read(ref _move[order]);
        long copy = Volatile.Read(ref _copy[order]);
        if (move == 0 || copy == 0)
            return copy == 0;
        long drop = Volatile.Read(ref _dropTicks) * pages / Math.Max(1, Volatile.Read(ref _copiedPages));
        bool isCopyCheaper = copy + drop < move;
        return Interlocked.Increment(ref _choices) % ChoicesToTry == 0 ? !isCopyCheaper : isCopyCheaper;
    }

    /// <summary>Notes a move.</summary>
    /// <param name="pages">How many pages.</param>
    /// <param name="start">Stopwatch ticks at which it began.</param>
    /// <param name="fillTicks">What it took to put pages into the block, 0 if they were there.</param>
    internal void NoteMove(int pages, long start, long fillTicks) => Note(ref _move[OrderOf(pages)], Stopwatch.GetTimestamp() - start + fillTicks);

    /// <summary>Notes a copy.</summary>
    /// <param name="pages">How many pages.</param>
    /// <param name="start">Stopwatch ticks at which it began.</param>
    internal void NoteCopy(int pages, long start)
    {
        Note(ref _copy[OrderOf(pages)], Stopwatch.GetTimestamp() - start);
        if (Interlocked.Add(ref _copiedPages, pages) < PagesToHalve)
            return;
        Volatile.Write(ref _copiedPages, PagesToHalve / 2);
        Volatile.Write(ref _dropTicks, Volatile.Read(ref _dropTicks) / 2);
    }

    /// <summary>Notes that pages which a copy had left were dropped.</summary>
    /// <param name="start">Stopwatch ticks at which that began.</param>
    internal void NoteDrop(long start) => Interlocked.Add(ref _dropTicks, Stopwatch.GetTimestamp() - start);

    /// <summary>Takes a figure into a running mean.</summary>
    /// <param name="mean">The mean; 0 before the first.</param>
    /// <param name="ticks">The figure.</param>
    private static void Note(ref long mean, long ticks)
    {
        long seen = Volatile.Read(ref mean);
        Volatile.Write(ref mean, Math.Max(1, seen == 0 ? ticks : seen + ((ticks - seen) / Weight)));
    }

    /// <summary>The class of a size.</summary>
    /// <param name="pages">1 to 512.</param>
    /// <returns>0 to 9.</returns>
    private static int OrderOf(int pages) => BitOperations.Log2((uint)pages);
}
