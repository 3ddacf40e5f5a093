// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Tests;

/// <summary>Windows that never overlap, as a driver keeps them in an interval tree: refused where one is, cut, joined and made smaller in place.</summary>
internal sealed class WindowSet
{
    /// <summary>One window.</summary>
    internal sealed class Window : IntervalNode<Window>
    {
        public Window(AddressRange interval) => Interval = interval;
    }

    /// <summary>The tree.</summary>
    internal IntervalTree<Window> Tree { get; } = new();

    /// <summary>Both ends inclusive, so that single addresses read well in tables.</summary>
    internal static AddressRange Of(ulong first, ulong last) => new(new VirtualAddress(first), new VirtualAddress(last + 1));

    /// <summary>Adds a window; false if one is in the way.</summary>
    internal bool TryAdd(ulong first, ulong last)
    {
        if (Tree.FindFirst(Of(first, last)) is not null)
            return false;
        Tree.Insert(new Window(Of(first, last)));
        return true;
    }

    /// <summary>The window that holds an address, as its first and last one.</summary>
    internal (ulong First, ulong Last)? Find(ulong address) => Ends(Tree.Find(new VirtualAddress(address)));

    /// <summary>The first window that meets an interval.</summary>
    internal (ulong First, ulong Last)? FindFirst(ulong first, ulong last) => Ends(Tree.FindFirst(Of(first, last)));

    /// <summary>Cuts the window that holds an address behind it; false where there is none or nothing behind.</summary>
    internal bool TrySplit(ulong last)
    {
        Window? window = Tree.Find(new VirtualAddress(last));
        if (window is null || window.Interval.End.Value == last + 1)
            return false;
        VirtualAddress cut = new(last + 1);
        Tree.Replace(window, new Window(new AddressRange(window.Interval.Start, cut)));
        Tree.Insert(new Window(new AddressRange(cut, window.Interval.End)));
        return true;
    }

    /// <summary>Joins the window that holds an address with the one before or behind it; false where none touches.</summary>
    internal bool TryMerge(ulong address, bool next)
    {
        Window? window = Tree.Find(new VirtualAddress(address));
        Window? other = next ? window?.Next : window?.Previous;
        if (window is null || other is null || (next ? window.Interval.End != other.Interval.Start : other.Interval.End != window.Interval.Start))
            return false;
        AddressRange joined = window.Interval.Around(other.Interval);
        Tree.Remove(other);
        Tree.Replace(window, new Window(joined));
        return true;
    }

    /// <summary>Makes the window that holds an address smaller.</summary>
    internal void Shrink(ulong address, ulong first, ulong last) => Tree.Replace(Tree.Find(new VirtualAddress(address))!, new Window(Of(first, last)));

    /// <summary>Removes the window that holds an address; false where there is none.</summary>
    internal bool TryRemove(ulong address)
    {
        if (Tree.Find(new VirtualAddress(address)) is not { } window)
            return false;
        Tree.Remove(window);
        return true;
    }

    /// <summary>All windows by first and last address, found by walking an interval.</summary>
    internal List<(ulong First, ulong Last)> Walk(ulong first, ulong last)
    {
        var found = new List<(ulong, ulong)>();
        foreach (Window window in Tree.Overlapping(Of(first, last)))
            found.Add(Ends(window)!.Value);
        return found;
    }

    /// <summary>The holes of an interval.</summary>
    internal List<(ulong First, ulong Last)> Holes(ulong first, ulong last)
    {
        var found = new List<(ulong, ulong)>();
        foreach (IntervalSpan<Window> span in Tree.Spans(Of(first, last)))
        {
            if (span.IsHole)
                found.Add((span.Interval.Start.Value, span.Interval.End.Value - 1));
        }

        return found;
    }

    private static (ulong First, ulong Last)? Ends(Window? window) => window is null ? null : (window.Interval.Start.Value, window.Interval.End.Value - 1);
}
