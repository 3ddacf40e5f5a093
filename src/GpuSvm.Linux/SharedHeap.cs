// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Locking;
using GpuSvm.Linux.Interop;

namespace GpuSvm.Linux;

/// <summary>
/// The address space of the shared heap and who has which part of it.
/// </summary>
/// <remarks>
/// One reservation is made up front and registered whole, for three reasons. No mmap of ours ever comes between a program's munmap and its next
/// mmap. Registering
/// parts would split mappings, and UFFDIO_MOVE wants each side inside one mapping. And what is not allocated is PROT_NONE, so that a stray
/// touch is an ordinary SIGSEGV and never a page fault that we would have to judge; a guard page lies between allocations for the same reason.
/// <para>Allocating is mprotect. Freeing must drop pages, and any madvise or munmap on a registered interval raises an event that its caller waits
/// for, while our
/// callers may hold the very lock which reading that event needs. So freeing first takes the registration off the interval, then replaces it by
/// fresh inaccessible
/// memory in one mmap (which also gives page tables back), and registers that again: no event, ever.</para>
/// <para>MADV_DONTFORK: a forked child does not get the heap, but for a fork that was announced (<see cref="UserfaultHostMemory.SetInherited"/>). Pages held by a device are absent here and would
/// silently read as zeroes there; a SIGSEGV in the child tells the truth.</para>
/// <para>A 2 MiB block that ever held small pages keeps an empty page table, and the kernel then splits a huge page moved there (1.3 ms instead of
/// 1 us). One
/// bit per block remembers; such blocks travel as small pages until they are freed.</para>
/// </remarks>
internal sealed partial class SharedHeap : IDisposable
{
    private const ulong Guard = PageSize.Bytes;

    private readonly RankedLock _lock = new(LockRank.Leaf, "shared heap");
    private readonly Userfaultfd _userfault;
    private readonly bool _huge;
    private readonly ulong _reservation;
    private readonly long _reservedBytes;
    private readonly ulong _base;
    private readonly ulong _end;

    // Guarded by _lock: what may be allocated; what is mapped, and how much; what the program unmapped for good; start and end of each allocation.
    private readonly IntervalSet _free = new();
    private readonly IntervalSet _mapped = new();
    private readonly IntervalSet _lost = new();
    private readonly Dictionary<ulong, ulong> _allocations = [];
    private long _allocatedBytes;
    private bool _isInherited; // Whether children get it. Volatile: what is renewed while it changes may keep the old advice until it changes again.

    /// <summary>One bit per 2 MiB block; set and cleared by Interlocked, read without a lock: a stale bit costs time, never data.</summary>
    private readonly int[] _tables;

    /// <summary>Reserves the address space and registers it.</summary>
    /// <param name="userfault">The heap's descriptor; not owned.</param>
    /// <param name="capacityBytes">Address space wanted.</param>
    /// <param name="huge">Whether to ask for 2 MiB pages.</param>
    /// <exception cref="HostMemoryUnavailableException">The reservation or registration was refused.</exception>
    internal SharedHeap(Userfaultfd userfault, long capacityBytes, bool huge)
    {
        _userfault = userfault;
        _huge = huge;
        long bytes = (capacityBytes + PageSize.HugeBytes - 1) / PageSize.HugeBytes * PageSize.HugeBytes;
        _reservedBytes = bytes + PageSize.HugeBytes;
        nint address = Libc.mmap(0, (nuint)_reservedBytes, LinuxConstants.PROT_NONE,
            LinuxConstants.MAP_PRIVATE | LinuxConstants.MAP_ANONYMOUS | LinuxConstants.MAP_NORESERVE, -1, 0);
        if (address == -1)
            throw new HostMemoryUnavailableException($"{_reservedBytes >> 20} MiB of address space cannot be reserved ({Marshal.GetLastPInvokeErrorMessage()}): ulimit -v unlimited, or choose a smaller capacity.");
        _reservation = (ulong)address;
        _base = (_reservation + PageSize.HugeBytes - 1) & ~((ulong)PageSize.HugeBytes - 1);
        _end = _base + (ulong)bytes;
        int error = Prepare(_base, bytes);
        if (error != 0)
        {
            _ = Libc.munmap(address, (nuint)_reservedBytes);
            throw new HostMemoryUnavailableException($"the reservation cannot be registered with userfaultfd ({Marshal.GetPInvokeErrorMessage(error)}): install Linux 6.8 or later.");
        }

        _tables = new int[(bytes / PageSize.HugeBytes + 31) / 32];
        _free.Add(_base + Guard, _end);
    }

    /// <summary>The whole reservation.</summary>
    internal AddressRange Whole => new(new VirtualAddress(_base), new VirtualAddress(_end));

    /// <summary>Bytes allocated now.</summary>
    internal long AllocatedBytes
    {
        get
        {
            using (_lock.Enter())
                return _allocatedBytes;
        }
    }

    /// <summary>Allocates, first fit.</summary>
    /// <param name="bytes">At least 1.</param>
    /// <param name="interval">Whole pages; from 2 MiB on starting on a 2 MiB boundary.</param>
    /// <returns>Done, InvalidArgument or OutOfHostMemory. Locking: takes the heap's leaf lock, not across system calls.</returns>
    internal SvmStatus Allocate(long bytes, out AddressRange interval)
    {
        interval = default;
        if (bytes < 1)
            return SvmStatus.InvalidArgument;
        if (bytes > (long)(_end - _base))
            return SvmStatus.OutOfHostMemory;
        ulong length = (ulong)PageSize.PagesFor(bytes) << PageSize.Shift;
        ulong alignment = length >= PageSize.HugeBytes ? (ulong)PageSize.HugeBytes : PageSize.Bytes;
        ulong start;
        using (_lock.Enter())
        {
            if (!TryTakeLocked(length + Guard, alignment, out start))
                return SvmStatus.OutOfHostMemory;
        }

        // From here to the list of mappings nobody else knows of the interval.
        bool done = Libc.mprotect((nint)start, (nuint)length, LinuxConstants.PROT_READ | LinuxConstants.PROT_WRITE) == 0;
        using (_lock.Enter())
        {
            if (!done)
            {
                _free.Add(start, start + length + Guard);
                return SvmStatus.OutOfHostMemory; // Too many mappings (vm.max_map_count), or strict overcommit.
            }

            _mapped.Add(start, start + length);
            _allocatedBytes += (long)length;
            _allocations.Add(start, start + length);
        }

        interval = AddressRange.OfBytes(new VirtualAddress(start), (long)length);
        return SvmStatus.Done;
    }

    /// <summary>Frees an allocation: its pages are gone and a touch is a SIGSEGV.</summary>
    /// <param name="interval">Exactly what <see cref="Allocate"/> gave.</param>
    /// <returns>Done, or InvalidHandle. Locking: takes the heap's leaf lock, not across system calls; raises no event.</returns>
    internal SvmStatus Free(AddressRange interval)
    {
        ulong start = interval.Start.Value;
        ulong end = interval.End.Value;
        using (_lock.Enter())
        {
            if (!_allocations.TryGetValue(start, out ulong known) || known != end)
                return SvmStatus.InvalidHandle;
            _allocations.Remove(start);
        }

        // Piece by piece, for the program may have unmapped parts, where strangers' memory may stand by now.
        for (ulong position = start; TakeMapped(ref position, end, out ulong pieceStart, out ulong pieceEnd);)
            Renew(pieceStart, pieceEnd);
        FreeGuard(end);
        return SvmStatus.Done;
    }

    /// <summary>Drops the pages of an interval inside one mapping without an event.</summary>
    /// <param name="interval">The pages.</param>
    /// <returns>Done, or NotMapped.</returns>
    internal SvmStatus Discard(AddressRange interval)
    {
        if (!Covers(interval))
            return SvmStatus.NotMapped;

        // Unregistered, the interval is plain memory for a moment. A thread that touches it then gets a fresh page from the kernel, which is what
        // it would get afterwards.
        if (_userfault.Unregister(interval.Start.Value, interval.Bytes) != 0)
            return SvmStatus.OutOfHostMemory;
        bool dropped = Libc.madvise((nint)interval.Start.Value, (nuint)interval.Bytes, LinuxConstants.MADV_DONTNEED) == 0;
        bool registered = Register(interval.Start.Value, interval.Bytes) == 0;
        return dropped && registered ? SvmStatus.Done : SvmStatus.OutOfHostMemory;
    }

    /// <summary>The program unmapped an interval itself: it is not ours any more, nor ever again.</summary>
    /// <param name="interval">As the event told it; may reach beyond the heap.</param>
    internal void Forget(AddressRange interval)
    {
        AddressRange ours = Whole.Intersect(interval);
        if (ours.IsEmpty)
            return;
        using (_lock.Enter())
        {
            for (int i = _mapped.FirstEndingAbove(ours.Start.Value); i < _mapped.Count && _mapped.StartAt(i) < ours.End.Value; i++)
                _allocatedBytes -= (long)(Math.Min(_mapped.EndAt(i), ours.End.Value) - Math.Max(_mapped.StartAt(i), ours.Start.Value));
            _mapped.Subtract(ours.Start.Value, ours.End.Value);
            _free.Subtract(ours.Start.Value, ours.End.Value);
            _lost.Add(ours.Start.Value, ours.End.Value);
        }
    }

    /// <summary>Says whether a forked child gets the heap: all of it, so that what is allocated meanwhile is treated alike. What the program has unmapped is left alone.</summary>
    /// <param name="isInherited">Whether it does. Locking: takes the heap's leaf lock, not across system calls; raises no event.</param>
    internal void SetInherited(bool isInherited)
    {
        Volatile.Write(ref _isInherited, isInherited); // Pairs with Prepare.
        var ours = new IntervalSet();
        ours.Add(_base, _end);
        using (_lock.Enter())
        {
            for (int i = 0; i < _lost.Count; i++)
                ours.Subtract(_lost.StartAt(i), _lost.EndAt(i));
        }

        for (int i = 0; i < ours.Count; i++)
            _ = Libc.madvise((nint)ours.StartAt(i), (nuint)(ours.EndAt(i) - ours.StartAt(i)), isInherited ? LinuxConstants.MADV_DOFORK : LinuxConstants.MADV_DONTFORK);
    }

    /// <summary>Whether the 2 MiB block of an address may have a page table of small pages.</summary>
    /// <param name="address">Any address; nothing is remembered of those outside of the heap, so memory there travels as small pages.</param>
    /// <returns>True if a huge page moved there might be split.</returns>
    internal bool HasTable(ulong address)
    {
        if (!Whole.Contains(new VirtualAddress(address)))
            return true;
        int block = BlockOf(address);
        return (Volatile.Read(ref _tables[block >> 5]) >> (block & 31) & 1) != 0; // Pairs with SetTable; stale is harmless.
    }

    /// <summary>Remembers that small pages were put into the blocks of an interval.</summary>
    /// <param name="start">First byte.</param>
    /// <param name="end">First byte after.</param>
    internal void SetTable(ulong start, ulong end)
    {
        if (!Whole.Contains(new VirtualAddress(start)))
            return;
        for (int block = BlockOf(start); block <= BlockOf(end - 1); block++)
        {
            int bit = 1 << (block & 31);
            if ((Volatile.Read(ref _tables[block >> 5]) & bit) == 0) // Pairs with the Or below: spares a locked instruction on the fault path.
                Interlocked.Or(ref _tables[block >> 5], bit);
        }
    }

    /// <summary>Gives the address space back. The descriptor must be closed before, or the unmapping would wait for its event to be read.</summary>
    public void Dispose()
    {
        // Holes that the program made may hold strangers' memory by now: unmap around them.
        ulong position = _reservation;
        for (int i = 0; i < _lost.Count; i++)
        {
            Unmap(position, _lost.StartAt(i));
            position = _lost.EndAt(i);
        }

        Unmap(position, _reservation + (ulong)_reservedBytes);
    }

    /// <summary>Unmaps an interval if it is not empty.</summary>
    /// <param name="start">First byte.</param>
    /// <param name="end">First byte after.</param>
    private static void Unmap(ulong start, ulong end)
    {
        if (end > start)
            _ = Libc.munmap((nint)start, (nuint)(end - start));
    }

    /// <summary>The number of an address's 2 MiB block.</summary>
    /// <param name="address">An address of the heap.</param>
    /// <returns>The block's number, from 0.</returns>
    private int BlockOf(ulong address) => (int)((address - _base) / PageSize.HugeBytes);

    /// <summary>Takes an aligned piece out of the free space.</summary>
    /// <param name="length">Bytes, guard included.</param>
    /// <param name="alignment">A power of two.</param>
    /// <param name="start">Where the piece begins.</param>
    /// <returns>False if no free interval is long enough.</returns>
    private bool TryTakeLocked(ulong length, ulong alignment, out ulong start)
    {
        _lock.AssertHeld();
        for (int i = 0; i < _free.Count; i++)
        {
            start = (_free.StartAt(i) + alignment - 1) & ~(alignment - 1);
            if (start > _free.EndAt(i) || _free.EndAt(i) - start < length)
                continue;
            _free.Subtract(start, start + length);
            return true;
        }

        start = 0;
        return false;
    }

    /// <summary>Takes the next mapped piece of an interval off the list of mappings.</summary>
    /// <param name="position">Where to look from; moves on.</param>
    /// <param name="end">Where to stop.</param>
    /// <param name="pieceStart">The piece's first byte.</param>
    /// <param name="pieceEnd">The first byte after it.</param>
    /// <returns>False if there is no further piece.</returns>
    private bool TakeMapped(ref ulong position, ulong end, out ulong pieceStart, out ulong pieceEnd)
    {
        using (_lock.Enter())
        {
            int index = _mapped.FirstEndingAbove(position);
            pieceStart = pieceEnd = 0;
            if (index == _mapped.Count || _mapped.StartAt(index) >= end)
                return false;
            pieceStart = Math.Max(position, _mapped.StartAt(index));
            pieceEnd = Math.Min(end, _mapped.EndAt(index));
            _mapped.Subtract(pieceStart, pieceEnd);
            _allocatedBytes -= (long)(pieceEnd - pieceStart);
            position = pieceEnd;
            return true;
        }
    }

    /// <summary>Replaces a piece of an allocation by fresh inaccessible memory and puts it back into the free space.</summary>
    /// <param name="start">First byte.</param>
    /// <param name="end">First byte after.</param>
    private void Renew(ulong start, ulong end)
    {
        long bytes = (long)(end - start);

        // Unregistering wakes who waits in there; they run into the inaccessible memory, as a use after free should.
        bool unregistered = _userfault.Unregister(start, bytes) == 0;
        bool fresh = unregistered
            && Libc.mmap((nint)start, (nuint)bytes, LinuxConstants.PROT_NONE,
                LinuxConstants.MAP_PRIVATE | LinuxConstants.MAP_ANONYMOUS | LinuxConstants.MAP_NORESERVE | LinuxConstants.MAP_FIXED, -1, 0) == (nint)start
            && Prepare(start, bytes) == 0;
        if (!fresh)
        {
            // Out of mappings (vm.max_map_count). The address space stays unused; its pages go, unless dropping them would raise an event.
            if (unregistered)
                _ = Libc.madvise((nint)start, (nuint)bytes, LinuxConstants.MADV_DONTNEED);
            if (Libc.mprotect((nint)start, (nuint)bytes, LinuxConstants.PROT_NONE) != 0)
            {
                using (_lock.Enter())
                    _mapped.Add(start, end); // Still accessible, so that touches must still be served: nobody's zeroes from now on.
            }

            return;
        }

        ClearTables(start, end);
        using (_lock.Enter())
        {
            _free.Add(start, end);
        }
    }

    /// <summary>Gives the guard page behind an allocation back, unless the program unmapped it.</summary>
    /// <param name="start">The guard page's first byte.</param>
    private void FreeGuard(ulong start)
    {
        using (_lock.Enter())
        {
            int lost = _lost.FirstEndingAbove(start);
            if (lost == _lost.Count || _lost.StartAt(lost) > start)
                _free.Add(start, start + Guard);
        }
    }

    /// <summary>Forgets the page tables of the blocks that lie wholly inside an interval.</summary>
    /// <param name="start">First byte.</param>
    /// <param name="end">First byte after.</param>
    private void ClearTables(ulong start, ulong end)
    {
        int first = BlockOf(start + PageSize.HugeBytes - 1);
        int after = BlockOf(end);
        for (int block = first; block < after; block++)
            Interlocked.And(ref _tables[block >> 5], ~(1 << (block & 31)));
    }

    /// <summary>Gives fresh memory the heap's properties.</summary>
    /// <param name="start">First byte.</param>
    /// <param name="bytes">Length.</param>
    /// <returns>The error number, 0 if done.</returns>
    private int Prepare(ulong start, long bytes)
    {
        if (!Volatile.Read(ref _isInherited) && Libc.madvise((nint)start, (nuint)bytes, LinuxConstants.MADV_DONTFORK) != 0) // Pairs with SetInherited.
            return Marshal.GetLastPInvokeError();
        if (_huge)
            _ = Libc.madvise((nint)start, (nuint)bytes, LinuxConstants.MADV_HUGEPAGE); // A kernel without huge pages refuses, and small pages do.
        return Register(start, bytes);
    }

    /// <summary>Registers an interval for absent pages and for write protection.</summary>
    /// <param name="start">First byte.</param>
    /// <param name="bytes">Length.</param>
    /// <returns>The error number, 0 if done.</returns>
    private int Register(ulong start, long bytes) =>
        _userfault.Register(start, bytes, UserfaultConstants.UFFDIO_REGISTER_MODE_MISSING | UserfaultConstants.UFFDIO_REGISTER_MODE_WP);
}
