// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Addressing;

/// <summary>A half-open interval [Start, End) of virtual addresses. It may be empty; it never wraps.</summary>
/// <param name="Start">The first address in it.</param>
/// <param name="End">The first address after it, not below <paramref name="Start"/>.</param>
public readonly record struct AddressRange(VirtualAddress Start, VirtualAddress End)
{
    /// <summary>The length in bytes.</summary>
    public long Bytes => End - Start;

    /// <summary>The length in base pages; the interval must be page aligned for this to be exact.</summary>
    public long Pages => Bytes >> PageSize.Shift;

    /// <summary>Whether nothing is in it.</summary>
    public bool IsEmpty => End <= Start;

    /// <summary>Whether both ends lie on base pages.</summary>
    public bool IsPageAligned => Start.IsAligned(PageOrder.Small) && End.IsAligned(PageOrder.Small);

    /// <summary>The interval of so many bytes from a start.</summary>
    /// <param name="start">The first address.</param>
    /// <param name="bytes">The length, not negative.</param>
    /// <returns>The interval.</returns>
    public static AddressRange OfBytes(VirtualAddress start, long bytes) => new(start, start + bytes);

    /// <summary>The interval of so many base pages from a start.</summary>
    /// <param name="start">The first address, page aligned.</param>
    /// <param name="pages">The length in base pages.</param>
    /// <returns>The interval.</returns>
    public static AddressRange OfPages(VirtualAddress start, long pages) => new(start, start + (pages << PageSize.Shift));

    /// <summary>Whether the address lies inside.</summary>
    /// <param name="address">The address.</param>
    /// <returns>True if Start &lt;= address &lt; End.</returns>
    public bool Contains(VirtualAddress address) => address >= Start && address < End;

    /// <summary>Whether the other interval lies wholly inside.</summary>
    /// <param name="other">The other interval.</param>
    /// <returns>True if it does.</returns>
    public bool Contains(AddressRange other) => other.Start >= Start && other.End <= End;

    /// <summary>Whether the two have an address in common.</summary>
    /// <param name="other">The other interval.</param>
    /// <returns>True if they overlap.</returns>
    public bool Overlaps(AddressRange other) => Start < other.End && other.Start < End;

    /// <summary>What the two have in common; empty where they do not meet.</summary>
    /// <param name="other">The other interval.</param>
    /// <returns>The common part, or an empty interval.</returns>
    public AddressRange Intersect(AddressRange other)
    {
        VirtualAddress start = Start > other.Start ? Start : other.Start;
        VirtualAddress end = End < other.End ? End : other.End;
        return end <= start ? new AddressRange(start, start) : new AddressRange(start, end);
    }

    /// <summary>The smallest interval around this one and another; an empty one adds nothing.</summary>
    /// <param name="other">The other interval.</param>
    /// <returns>The interval around both.</returns>
    public AddressRange Around(AddressRange other)
    {
        if (IsEmpty)
            return other;
        if (other.IsEmpty)
            return this;
        return new AddressRange(Start < other.Start ? Start : other.Start, End > other.End ? End : other.End);
    }

    /// <summary>The smallest interval of whole base pages around this one.</summary>
    /// <returns>The widened interval.</returns>
    public AddressRange AlignOutward() => new(Start.AlignDown(PageOrder.Small), (End + (PageSize.Bytes - 1)).AlignDown(PageOrder.Small));

    /// <summary>The number of the page of an address, counted from the start of this interval.</summary>
    /// <param name="address">An address inside.</param>
    /// <returns>The page's index, 0 at Start.</returns>
    public int PageIndexOf(VirtualAddress address) => (int)((address - Start) >> PageSize.Shift);

    /// <summary>The interval as [start, end).</summary>
    /// <returns>For example [0x1000, 0x3000).</returns>
    public override string ToString() => $"[{Start}, {End})";
}
