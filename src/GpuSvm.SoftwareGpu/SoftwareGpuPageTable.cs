// SPDX-License-Identifier: MIT
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Locking;

namespace GpuSvm.SoftwareGpu;

/// <summary>
/// The page table of one GPU address space: four levels of 512 entries over 48-bit addresses, in unmanaged memory, walked by compute units without a lock.
/// Lowest tables hold 4 KiB entries and, as 16 neighbours with the same mark, 64 KiB ones; the directory level holds 2 MiB ones.
/// </summary>
/// <remarks>
/// <para><b>When may a page be taken away?</b> A unit uses a translation between two marks of its own: it is <em>in access</em>. Marking costs a plain store,
/// because accesses are frequent; invalidations are rare and pay for both sides.</para>
/// <code>
///   unit                                              invalidator
///   U1  in access = 1         (plain store)           I1  clear the entries                     (Zap)
///   U2  read the newest number                        I2  append to the log, number n
///       newer than seen: drop from the TLB            I3  barrier in every running thread       (MemoryBarrierProcessWide)
///       what the log names, acknowledge it            I4  for each unit of this space: wait until
///   U3  look in the TLB, else walk the table                in access = 0, or acknowledged >= n
///   U4  use the pointer                               I5  the old pages are nobody's
///   U5  in access = 0         (release store)
/// </code>
/// <para>U1 and U2 may pass each other in the processor: the store is not yet visible when the load is done. I3 puts a full fence somewhere into the unit's
/// instructions. If the fence falls before U2, then U2 reads n (I2 came before), the TLB is cleared, and U3 finds the cleared entries. If it falls after U2, then
/// U1, which is older, is visible to I4, and I4 waits until U5 of this access or until a later U2 acknowledges n; an acknowledge comes before any translation of its access.
/// Either way no translation from before I1 is used after I4. A TLB entry that U3 filled from an old walk is dropped by the next U2, because the unit has not seen n yet.</para>
/// <para><b>Skipping.</b> A unit runs kernels of one space at a time and says which (<c>ActiveSpace</c>), with a full fence when it begins and before its first U2; while it waits for a
/// fault it says 0. The invalidator has a full fence between I2 and looking at that, so either it sees the unit, or the unit's U2 sees n. With no active unit I3 and I4 fall away.
/// A unit that waits for its fault is never waited for: so the fault's service can invalidate, and so can the unit itself when it helps.</para>
/// <para>Locking: entries of a 2 MiB block are written under one of 16 locks of rank PageTable, chosen by the block; tables are added without a lock by compare-exchange.
/// Tables are freed by Dispose alone, because a walker may stand in one at any time.</para>
/// <para>Kernel: xe_pt; the log and its numbers play the part of the TLB invalidation fences.</para>
/// </remarks>
public sealed unsafe class SoftwareGpuPageTable : IDevicePageTable
{
    private const int AddressBits = 48;
    private const ulong PagesOfSpace = 1UL << (AddressBits - PageSize.Shift);
    private const int Locks = 16;
    private const int IndexBits = SoftwareGpuDirectory.IndexBits;
    private const int IndexMask = SoftwareGpuDirectory.Entries - 1;

    private readonly SoftwareGpuDevice _device;
    private readonly RankedLock[] _locks = new RankedLock[Locks];
    private readonly RankedLock _logLock = new(LockRank.PageTable, "software GPU invalidation log");
    private readonly SoftwareGpuInvalidationLog _log = new(); // Appended under _logLock.
    private ulong* _root; // 512 addresses of tables of 512 addresses of directories; null once disposed.
    private long _invalidations;
    private long _barriers;

    /// <summary>Makes an empty table.</summary>
    /// <param name="device">The device whose units will walk it.</param>
    /// <param name="addressSpaceId">The number its faults carry, above 0.</param>
    internal SoftwareGpuPageTable(SoftwareGpuDevice device, int addressSpaceId)
    {
        _device = device;
        AddressSpaceId = addressSpaceId;
        for (int i = 0; i < Locks; i++)
            _locks[i] = new RankedLock(LockRank.PageTable, "software GPU page table");
        _root = AllocateTable(SoftwareGpuDirectory.Entries * sizeof(ulong));
    }

    /// <summary>The number that faults of this address space carry.</summary>
    public int AddressSpaceId { get; }

    /// <summary>Calls of <see cref="InvalidateTlb"/> with something to drop.</summary>
    public long Invalidations => Interlocked.Read(ref _invalidations);

    /// <summary>Of these, those that found a unit running and paid for a barrier in every thread.</summary>
    public long Barriers => Interlocked.Read(ref _barriers);

    /// <summary>The device it belongs to.</summary>
    internal SoftwareGpuDevice Device => _device;

    /// <summary>What counts units' accesses; null where nothing does. Set before the first launch.</summary>
    public SoftwareGpuAccessCounters? AccessCounters { get; private set; }

    /// <summary>The invalidations that units must have seen.</summary>
    internal SoftwareGpuInvalidationLog Log => _log;

    /// <summary>Where units wait while their queue is stopped; null in an address space with faults. Set before anything runs.</summary>
    internal SoftwareGpuQueueGate? Gate { get; private set; }

    /// <inheritdoc/>
    /// <remarks>Also if the device was made with <see cref="SoftwareGpuOptions.StopsQueues"/> off.</remarks>
    public IDeviceQueues UseWithoutFaults()
    {
        if (!_device.StopsQueues)
            throw new NotSupportedException($"This device cannot stop what runs on it, so it cannot run in a VM without faults: make the VM with faults, or the device with {nameof(SoftwareGpuOptions)}.{nameof(SoftwareGpuOptions.StopsQueues)}.");
        return Gate ??= new SoftwareGpuQueueGate(this);
    }

    /// <inheritdoc/>
    /// <remarks>Also <see cref="SvmStatus.InvalidArgument"/> for an interval that is not as said, and <see cref="SvmStatus.DeviceGone"/>. Also gets the table under a 2 MiB
    /// entry, so that a later write of less can give way to it.</remarks>
    public SvmStatus Prepare(AddressRange interval)
    {
        if (interval.IsEmpty || !interval.IsPageAligned || interval.End.PageNumber > PagesOfSpace
            || interval.Start.PageNumber >> IndexBits != (interval.End.PageNumber - 1) >> IndexBits)
            return SvmStatus.InvalidArgument;
        if (_device.IsDisposed || _root == null)
            return SvmStatus.DeviceGone;
        ulong page = interval.Start.PageNumber;
        try
        {
            ulong* upper = GetOrAddTable(_root + (page >> (3 * IndexBits)), SoftwareGpuDirectory.Entries * sizeof(ulong));
            var directory = (SoftwareGpuDirectory*)GetOrAddTable(upper + (page >> (2 * IndexBits) & IndexMask), (nuint)sizeof(SoftwareGpuDirectory));
            _ = GetOrAddTable(SoftwareGpuDirectory.TableSlot(directory, BlockOf(page)), SoftwareGpuDirectory.Entries * sizeof(ulong));
            return SvmStatus.Done;
        }
        catch (OutOfMemoryException)
        {
            return SvmStatus.OutOfHostMemory;
        }
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The interval was not prepared, an address is not present, or it lies outside the device's memory.</exception>
    public void Write(VirtualAddress start, ReadOnlySpan<DeviceAddress> addresses)
    {
        ulong page = start.PageNumber;
        int index = 0;
        int skip = 0; // Pages of addresses[index] that are written.
        while (index < addresses.Length)
        {
            SoftwareGpuDirectory* directory = FindDirectory(page, out _);
            if (directory == null)
                throw new InvalidOperationException($"The page-table entry of {start} is written but was not prepared.");
            ulong end = (page | IndexMask) + 1;
            using (LockOf(page).Enter())
            {
                while (index < addresses.Length && page < end)
                {
                    DeviceAddress address = addresses[index];
                    CheckTarget(address);
                    long pages = Math.Min(address.Order.Pages - skip, (long)(end - page));
                    ulong target = address.Address + ((ulong)skip << PageSize.Shift);
                    int written = SoftwareGpuDirectory.WriteLocked(directory, BlockOf(page), (int)page & IndexMask, pages, target, address);
                    page += (ulong)written;
                    skip += written;
                    if (skip < address.Order.Pages)
                        continue;
                    index++;
                    skip = 0;
                }
            }
        }
    }

    /// <inheritdoc/>
    public AddressRange Zap(AddressRange interval)
    {
        ulong first = ulong.MaxValue;
        ulong last = 0;
        ulong end = Math.Min(interval.End.PageNumber, PagesOfSpace);
        for (ulong page = interval.Start.PageNumber; page < end;)
        {
            SoftwareGpuDirectory* directory = FindDirectory(page, out ulong next);
            if (directory != null)
                next = Math.Min(next, (page | IndexMask) + 1);
            if (directory != null && Volatile.Read(ref *SoftwareGpuDirectory.Entry(directory, BlockOf(page))) != 0) // Pairs with the stores under the lock.
            {
                ulong blockStart = page & ~(ulong)IndexMask;
                using (LockOf(page).Enter())
                {
                    if (SoftwareGpuDirectory.ZapLocked(directory, BlockOf(page), (int)(page - blockStart), (int)(Math.Min(next, end) - blockStart), out int clearedFirst, out int clearedEnd))
                    {
                        first = Math.Min(first, blockStart + (ulong)clearedFirst);
                        last = blockStart + (ulong)clearedEnd;
                    }
                }
            }

            page = next;
        }

        return last == 0 ? new AddressRange(interval.Start, interval.Start) : new AddressRange(VirtualAddress.OfPage(first), VirtualAddress.OfPage(last));
    }

    /// <inheritdoc/>
    /// <remarks>Locking: takes and gives back a lock of rank PageTable.</remarks>
    public ulong StartTlbInvalidation(AddressRange interval)
    {
        if (interval.IsEmpty)
            return 0;
        Interlocked.Increment(ref _invalidations);
        using (_logLock.Enter())
            return _log.AppendLocked(interval);
    }

    /// <inheritdoc/>
    /// <remarks>Locking: waits with no lock of its own. Units waited for take no lock with a rank while in access.</remarks>
    public void WaitTlbInvalidation(ulong invalidation)
    {
        if (invalidation == 0)
            return;
        Interlocked.MemoryBarrier(); // Pairs with the exchange of ActiveSpace in SoftwareGpuMmu: either we see the unit, or it sees the number.
        ReadOnlySpan<SoftwareGpuUnitState> units = _device.UnitStates;
        int active = 0;
        while (active < units.Length && !IsActive(in units[active]))
            active++;
        if (active == units.Length)
            return;
        Interlocked.Increment(ref _barriers);
        Interlocked.MemoryBarrierProcessWide(); // I3 of the drawing: pairs with the plain store of InAccess.
        SchedulePoint.Reach(SchedulePointKind.Wait, this);
        for (; active < units.Length; active++)
            WaitForUnit(in units[active], invalidation);
    }

    /// <summary>Tells units that their queue is being stopped: they look at the gate at the start of their next access.</summary>
    /// <returns>What to wait for.</returns>
    /// <remarks>Locking: takes and gives back a lock of rank PageTable.</remarks>
    internal ulong AppendStop()
    {
        using (_logLock.Enter())
            return _log.AppendLocked(AddressRange.OfPages(default, 1)); // Nothing is ever mapped at 0, so nothing is dropped.
    }

    /// <summary>Drops cached translations and waits until no unit can still use one of them.</summary>
    /// <param name="interval">The interval.</param>
    public void InvalidateTlb(AddressRange interval) => WaitTlbInvalidation(StartTlbInvalidation(interval));

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">A value is out of its range.</exception>
    public IAccessCounterBuffer StartAccessCounters(in AccessCounterConfiguration configuration)
    {
        configuration.Validate();
        return AccessCounters = new SoftwareGpuAccessCounters(configuration, _device.AccessCounterPlaces);
    }

    /// <inheritdoc/>
    public DeviceAddress Lookup(VirtualAddress address) => WalkFor(address, out int page).ToDeviceAddress(page);

    /// <summary>The size of the translation of an address, for checkers and tests.</summary>
    /// <param name="address">Any address.</param>
    /// <returns>The size class, or null if there is no translation.</returns>
    public SoftwareGpuPageClass? LookupSize(VirtualAddress address) => WalkFor(address, out _) is { IsPresent: true } pte ? pte.Size : null;

    /// <summary>Frees the tables. The last launch in this space has ended.</summary>
    public void Dispose()
    {
        ulong* root = _root;
        if (root == null)
            return;
        _root = null;

        // SAFETY: all tables were allocated by AllocateTable and belong to this object; no unit runs this space any more.
        for (int i = 0; i < SoftwareGpuDirectory.Entries; i++)
        {
            ulong* upper = (ulong*)root[i];
            for (int j = 0; upper != null && j < SoftwareGpuDirectory.Entries; j++)
            {
                if (upper[j] == 0)
                    continue;
                SoftwareGpuDirectory.FreeTables((SoftwareGpuDirectory*)upper[j]);
                NativeMemory.AlignedFree((void*)upper[j]);
            }

            NativeMemory.AlignedFree(upper);
        }

        NativeMemory.AlignedFree(root);
    }

    /// <summary>Walks the table as a unit does: without a lock, one acquire load a level.</summary>
    /// <param name="address">Any address.</param>
    /// <returns>The leaf entry; not present if there is none.</returns>
    internal SoftwareGpuPte Walk(ulong address)
    {
        if (address >> AddressBits != 0)
            return default;
        ulong page = address >> PageSize.Shift;
        SoftwareGpuDirectory* directory = FindDirectory(page, out _);
        if (directory == null)
            return default;
        SoftwareGpuPte entry = new(Volatile.Read(ref *SoftwareGpuDirectory.Entry(directory, BlockOf(page)))); // Acquire: pairs with the releases of writers.
        if (entry.IsPresent || entry.Bits == 0)
            return entry;
        return new SoftwareGpuPte(Volatile.Read(ref ((ulong*)entry.Bits)[page & IndexMask]));
    }

    /// <summary>Waits until a unit can hold no translation older than an invalidation. Bounded by the unit's access: it never waits for a fault in one.</summary>
    private void WaitForUnit(in SoftwareGpuUnitState unit, ulong number)
    {
        SpinWait spin = default;
        while (IsActive(in unit)
            && Volatile.Read(in unit.InAccess) != 0 // Pairs with the release store when the access ends.
            && Volatile.Read(in unit.Acknowledged) < number) // Pairs with the release store after the TLB was cleared.
            spin.SpinOnce(sleep1Threshold: 200); // Pauses, then yields, in the end sleeps: kernels may hold windows for long.
    }

    /// <summary>Whether a unit runs a kernel in this space.</summary>
    private bool IsActive(in SoftwareGpuUnitState unit) => Volatile.Read(in unit.ActiveSpace) == AddressSpaceId; // Pairs with the exchange in SoftwareGpuMmu.

    /// <summary>The entry of an address and which page of it the address is in.</summary>
    private SoftwareGpuPte WalkFor(VirtualAddress address, out int page)
    {
        SoftwareGpuPte entry = Walk(address.Value);
        page = entry.Size == SoftwareGpuPageClass.Huge ? (int)address.PageNumber & IndexMask : 0;
        return entry;
    }

    /// <summary>Finds the directory of a page.</summary>
    /// <param name="page">A page number below 2^36.</param>
    /// <param name="next">Where the next directory begins that can exist.</param>
    /// <returns>The directory, or null.</returns>
    private SoftwareGpuDirectory* FindDirectory(ulong page, out ulong next)
    {
        next = (page >> (3 * IndexBits) << (3 * IndexBits)) + (1UL << (3 * IndexBits));
        ulong* root = _root;
        if (root == null)
            return null;
        ulong* upper = (ulong*)Volatile.Read(ref root[page >> (3 * IndexBits)]); // Both acquire: pair with the compare-exchange of GetOrAddTable.
        if (upper == null)
            return null;
        next = (page >> (2 * IndexBits) << (2 * IndexBits)) + (1UL << (2 * IndexBits));
        return (SoftwareGpuDirectory*)Volatile.Read(ref upper[page >> (2 * IndexBits) & IndexMask]);
    }

    /// <summary>The number of a page's 2 MiB block in its directory.</summary>
    private static int BlockOf(ulong page) => (int)(page >> IndexBits) & IndexMask;

    /// <summary>The lock of a page's 2 MiB block.</summary>
    private RankedLock LockOf(ulong page) => _locks[(page >> IndexBits) % Locks];

    /// <summary>Follows a pointer to a table, and adds a zeroed one where there is none.</summary>
    private static ulong* GetOrAddTable(ulong* slot, nuint bytes)
    {
        ulong present = Volatile.Read(ref *slot); // Acquire: pairs with the exchange below.
        if (present != 0)
            return (ulong*)present;
        ulong* fresh = AllocateTable(bytes);
        present = Interlocked.CompareExchange(ref *slot, (ulong)fresh, 0); // Release: who sees the table sees it zeroed. The loser of a race gives its own back.
        if (present == 0)
            return fresh;
        NativeMemory.AlignedFree(fresh);
        return (ulong*)present;
    }

    /// <summary>Allocates a zeroed table on a 4 KiB boundary.</summary>
    private static ulong* AllocateTable(nuint bytes)
    {
        // SAFETY: owned by the page table until Dispose; exactly `bytes` long.
        void* table = NativeMemory.AlignedAlloc(bytes, PageSize.Bytes);
        NativeMemory.Clear(table, bytes);
        return (ulong*)table;
    }

    /// <summary>Refuses a mapping that units could not follow safely.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void CheckTarget(DeviceAddress address)
    {
        if (!address.IsPresent
            || (address.Protocol == AddressProtocol.LocalMemory && address.Address + (ulong)address.Order.Bytes > (ulong)_device.Memory.Bytes)
            || (address.Protocol == AddressProtocol.System && _device.Iommu is { } iommu && !iommu.Contains(address)))
            ThrowBadTarget(address);
    }

    /// <summary>Throws for <see cref="CheckTarget"/>.</summary>
    private static void ThrowBadTarget(DeviceAddress address) => throw new InvalidOperationException(
        address.IsPresent
            ? $"A page-table entry would lead to device address 0x{address.Address:x} of order {address.Order.Value}, outside {(address.Protocol == AddressProtocol.System ? "what its IOMMU maps" : "the device's memory")}."
            : "A page-table entry is written from a mapping that is not present.");
}
