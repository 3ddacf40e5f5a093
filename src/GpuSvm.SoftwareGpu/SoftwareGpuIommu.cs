// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Locking;

namespace GpuSvm.SoftwareGpu;

/// <summary>
/// An IOMMU before a software GPU: device addresses of its own, handed out as aligned spans of a power of two of pages, and a table that says which host page stands at
/// each and whether the device may write there. Units reach system memory through it alone (<see cref="SoftwareGpuMmu"/>).
/// </summary>
/// <remarks>
/// <para><b>The life of a span.</b> It is taken whole, by <see cref="Map"/> with all of its pages or by <see cref="TryReserve"/> with none. It ends with its last mapped page, at
/// the latest when sealed; then its addresses are used again. Every entry knows how large its span is, so that unmapping a part needs nothing but the address.</para>
/// <para><b>Why no unit sees an old entry.</b> A unit reads the table while it fills its TLB, inside an access, after it has read the page table. Whoever unmaps has cleared the
/// page-table entry before and waited for that access (the drawing at <see cref="SoftwareGpuPageTable"/>): between the two the span stands still. A TLB entry is never
/// larger than the page-table entry it comes from, and goes with it. So an access that finds no mapping here has broken a rule: it fails its launch, and is counted
/// (<see cref="RefusedAccesses"/>); it never follows a pointer. Device addresses begin where no processor of ours has memory, so that one that is taken for a pointer faults at once.</para>
/// <para>Thread-safe. Locking: rank Leaf inside, for taking and ending a span; entries are written by whoever owns the span. Broken use (a page linked twice, unmapped
/// without being mapped, a reservation sealed twice) throws.</para>
/// </remarks>
public sealed class SoftwareGpuIommu : IPackingDmaMapper
{
    /// <summary>The first device address.</summary>
    public const ulong BaseAddress = 1UL << 51;

    private const ulong PointerLimit = 1UL << 51;
    private const ulong PointerMask = (PointerLimit - 1) & ~(PageSize.Bytes - 1UL);
    private const ulong PresentBit = 1;
    private const ulong WritableBit = 2;
    private const int OrderShift = 2;
    private const ulong OrderMask = 15UL << OrderShift;
    private const int OpenMark = 1 << 20; // Added to the count of a span that is not sealed.

    private readonly RankedLock _lock = new(LockRank.Leaf, "software GPU device addresses");
    private readonly BuddyAllocator _spans; // Guarded by _lock.
    private readonly ulong[] _entries; // By page: host pointer, rights, order of the span; 0 for none. Written by the span's owner, read by units without a lock.
    private readonly int[] _mapped; // By a span's first page: its mapped pages. Written by the owner until sealed, interlocked afterwards.
    private long _livePages; // Interlocked.
    private long _refused; // Interlocked.

    /// <summary>Makes an IOMMU with all addresses free.</summary>
    /// <param name="bytes">How many bytes of device addresses: a multiple of 4096, at least 4096.</param>
    internal SoftwareGpuIommu(long bytes)
    {
        Pages = (int)(bytes >> PageSize.Shift);
        _spans = new BuddyAllocator(Pages);
        _entries = new ulong[Pages];
        _mapped = new int[Pages];
    }

    /// <summary>Device addresses there are, in pages.</summary>
    public int Pages { get; }

    /// <summary>Device addresses in no span, in pages. All of them when nothing is mapped and every reservation is sealed.</summary>
    public int FreePages => _spans.FreePages;

    /// <summary>Accesses of units that found nothing mapped at their device address, or no right to write: each is a fault of the driver's.</summary>
    public long RefusedAccesses => Interlocked.Read(ref _refused);

    /// <inheritdoc/>
    /// <remarks>Pages of a reservation count from when it is sealed.</remarks>
    public long LivePages => Interlocked.Read(ref _livePages);

    /// <inheritdoc/>
    /// <remarks><see cref="SvmStatus.CopyFailed"/> for a page that is nowhere, unaligned or above 2^51, and when no span is free: choose more
    /// <see cref="SoftwareGpuOptions.IommuBytes"/>.</remarks>
    public SvmStatus Map(DmaPointer page, PageOrder order, bool writable, out DeviceAddress address)
    {
        address = default;
        if (!IsGood(page) || !TryTake(order, out int first))
            return SvmStatus.CopyFailed;
        _mapped[first] = order.Pages;
        address = Write(first, page, order, writable, order);
        Interlocked.Add(ref _livePages, order.Pages);
        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    public bool TryReserve(int pages, out DmaReservation reservation)
    {
        reservation = default;
        PageOrder order = PageOrder.CeilingOf(pages);
        if (order > PageOrder.Huge || !TryTake(order, out int first))
            return false;
        _mapped[first] = OpenMark;
        reservation = new DmaReservation(AddressOf(first), order);
        return true;
    }

    /// <inheritdoc/>
    /// <remarks><see cref="SvmStatus.CopyFailed"/> for a page that is nowhere, unaligned or above 2^51.</remarks>
    /// <exception cref="InvalidOperationException">The reservation is not open, or the place is outside it, unaligned or taken.</exception>
    public SvmStatus Link(in DmaReservation reservation, int first, DmaPointer page, PageOrder order, bool writable, out DeviceAddress address)
    {
        address = default;
        int start = OpenSpan(reservation);
        if (!IsGood(page))
            return SvmStatus.CopyFailed;
        int pages = order.Pages;
        if (first < 0 || first + pages > reservation.Order.Pages || (first & (pages - 1)) != 0 || (pages == 1 ? _entries[start + first] != 0 : _entries.AsSpan(start + first, pages).ContainsAnyExcept(0UL)))
            throw new InvalidOperationException($"Order {order.Value} cannot be linked at page {first} of a reservation of order {reservation.Order.Value}: outside, unaligned or linked already.");
        _mapped[start] += pages;
        address = Write(start + first, page, order, writable, reservation.Order);
        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The reservation is not open.</exception>
    public void Seal(in DmaReservation reservation)
    {
        int start = OpenSpan(reservation);
        int linked = _mapped[start] - OpenMark;
        Volatile.Write(ref _mapped[start], linked); // Before LivePages, so that whoever sees those can unmap them; pairs with the interlocked add of Unmap.
        Interlocked.Add(ref _livePages, linked);
        if (linked == 0)
            Free(start, reservation.Order);
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">It is not mapped, or its reservation not sealed.</exception>
    public void Unmap(DeviceAddress address)
    {
        PageOrder order = address.Order;
        if (!Contains(address) || (address.Address & ((ulong)order.Bytes - 1)) != 0)
            throw NotMapped(address);
        int first = PageOf(address.Address);
        Span<ulong> entries = _entries.AsSpan(first, order.Pages);
        PageOrder span = SpanOf(entries[0]);
        int start = first & ~(span.Pages - 1);
        if (span < order || Volatile.Read(ref _mapped[start]) >= OpenMark) // Pairs with Seal.
            throw NotMapped(address);
        foreach (ulong entry in entries)
        {
            if ((entry & PresentBit) == 0)
                throw NotMapped(address);
        }

        entries.Clear(); // No unit reads them any more, see above.
        Interlocked.Add(ref _livePages, -order.Pages);
        if (Interlocked.Add(ref _mapped[start], -order.Pages) == 0) // Who unmaps the last page ends the span; the others' entries are cleared by then.
            Free(start, span);
    }

    /// <summary>Where the page behind a mapping lies in this process, for checkers and tests.</summary>
    /// <param name="address">A device address.</param>
    /// <returns>The page's first byte, or null if nothing is mapped there.</returns>
    public DmaPointer PointerOf(ulong address) =>
        address - BaseAddress < (ulong)Pages << PageSize.Shift && _entries[PageOf(address)] is var entry && (entry & PresentBit) != 0 ? new DmaPointer((nint)(entry & PointerMask)) : default;

    /// <summary>Whether a mapping lies in this address space whole.</summary>
    /// <param name="address">The mapping.</param>
    /// <returns>True if it does.</returns>
    internal bool Contains(DeviceAddress address) =>
        address is { IsPresent: true, Protocol: AddressProtocol.System } && address.Address >= BaseAddress && PageNumberOf(address.Address) + (ulong)address.Order.Pages <= (ulong)Pages;

    /// <summary>Translates a device address for a unit, with as much around it as lies in one piece.</summary>
    /// <param name="address">The page's device address, aligned to 4 KiB.</param>
    /// <param name="write">Whether it will be written.</param>
    /// <param name="size">In: the size of the page-table entry that leads here, to which this address space is aligned in the same way. Out: the largest size up to that whose block of host pages has no gap.</param>
    /// <param name="writable">Whether the device may write.</param>
    /// <returns>The block's first byte; 0, counted, if nothing is mapped or the right is missing.</returns>
    internal ulong Translate(ulong address, bool write, ref SoftwareGpuPageClass size, out bool writable)
    {
        ulong number = PageNumberOf(address);
        ulong entry = address >= BaseAddress && number < (ulong)Pages ? Volatile.Read(ref _entries[number]) : 0; // Pairs with nothing of ours: the page table's release comes after the write.
        writable = (entry & WritableBit) != 0;
        if ((entry & PresentBit) == 0 || (write && !writable))
        {
            Interlocked.Increment(ref _refused);
            return 0;
        }

        for (; size > SoftwareGpuPageClass.Small; size--)
        {
            int pages = size == SoftwareGpuPageClass.Huge ? PageSize.PagesPerHuge : SoftwareGpuDirectory.PagesPerMedium;
            int first = (int)number & ~(pages - 1);
            if (first + pages <= Pages && IsOnePiece(first, pages))
                return _entries[first] & PointerMask;
        }

        return entry & PointerMask;
    }

    /// <summary>Whether the host pages of a block follow each other with the same rights.</summary>
    private bool IsOnePiece(int first, int pages)
    {
        ulong expected = _entries[first];
        if ((expected & PresentBit) == 0)
            return false;
        foreach (ulong entry in _entries.AsSpan(first, pages))
        {
            if (entry != expected)
                return false;
            expected += PageSize.Bytes;
        }

        return true;
    }

    /// <summary>Takes a span.</summary>
    private bool TryTake(PageOrder order, out int first)
    {
        using (_lock.Enter())
            return _spans.TryAllocate(order.Value, out first);
    }

    /// <summary>Gives a span back.</summary>
    private void Free(int first, PageOrder order)
    {
        using (_lock.Enter())
            _spans.Free(first, order.Value);
    }

    /// <summary>Writes the entries of a block.</summary>
    private DeviceAddress Write(int first, DmaPointer page, PageOrder order, bool writable, PageOrder span)
    {
        ulong entry = (ulong)page.Value | PresentBit | (writable ? WritableBit : 0) | ((ulong)span.Value << OrderShift);
        foreach (ref ulong place in _entries.AsSpan(first, order.Pages))
        {
            place = entry;
            entry += PageSize.Bytes;
        }

        return new DeviceAddress(AddressOf(first), AddressProtocol.System, order, writable);
    }

    /// <summary>The first page of a reservation that is open.</summary>
    private int OpenSpan(in DmaReservation reservation)
    {
        ulong number = PageNumberOf(reservation.Address);
        if (reservation.Address < BaseAddress || number >= (ulong)Pages || _mapped[number] < OpenMark)
            throw new InvalidOperationException($"The reservation of order {reservation.Order.Value} at device address 0x{reservation.Address:x} is not open: never made, or sealed already.");
        return (int)number;
    }

    /// <summary>Whether a host page can be mapped.</summary>
    private static bool IsGood(DmaPointer page) => !page.IsNull && (ulong)page.Value < PointerLimit && ((ulong)page.Value & (PageSize.Bytes - 1)) == 0;

    /// <summary>The order of the span an entry is part of.</summary>
    private static PageOrder SpanOf(ulong entry) => new((byte)((entry & OrderMask) >> OrderShift));

    /// <summary>The device address of a page of the space.</summary>
    private static ulong AddressOf(int page) => BaseAddress + ((ulong)page << PageSize.Shift);

    /// <summary>The page of the space, wherever the address is.</summary>
    private static ulong PageNumberOf(ulong address) => (address - BaseAddress) >> PageSize.Shift;

    /// <summary>The page of the space for an address inside it.</summary>
    private static int PageOf(ulong address) => (int)PageNumberOf(address);

    /// <summary>What is thrown for a mapping that is none.</summary>
    private static InvalidOperationException NotMapped(DeviceAddress address) =>
        new($"Device address 0x{address.Address:x} of order {address.Order.Value} is unmapped but not mapped.");
}
