// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;

namespace GpuSvm.Portable;

/// <summary>
/// Host memory for any operating system: plain memory, real pointers, no page faults. It promises no capability, so every page must be home when the CPU may
/// look: the address space above brings them back before a launch is reported done, as managed memory did before GPUs could fault.
/// </summary>
/// <remarks>
/// <para><b>All pages are always there.</b> The CPU's page table is the system's own and cannot be changed from here. What a migration does instead is keep a
/// mark for each page: away, or at home. <see cref="Query"/> answers absent for a page that is away, and <see cref="Read"/> and <see cref="Write"/> refuse it,
/// so the layers above see the same states as on a memory with faults; the program sees stale bytes if it looks too early, which is the one promise
/// this memory cannot make.</para>
/// <para><b>Nothing is copied twice.</b> A staging block points at the program's own pages. Detaching sets marks, attaching clears them, and the DMA engine
/// copies between the program's pages and the device directly.</para>
/// <para><b>Zeroes.</b> Fresh memory is zero by the allocator. <see cref="Discard"/> clears the bytes at once, because no later touch would be announced.
/// <see cref="Populate"/> brings a page home that the client has given up: it reads as zeroes.</para>
/// <para><b>Locks.</b> One leaf lock: shared for looking and copying, exclusive for marks and for the list of allocations. The client is never called.</para>
/// <para><b>Lifetime.</b> Only <see cref="Free"/> and <see cref="Dispose"/> give memory back; there is no finalizer, because the program's pointers may outlive the last
/// reference to this object. Kernel: none; HMM without a device fault.</para>
/// </remarks>
public sealed class PortableHostMemory : IHostMemory
{
    private readonly RankedReaderWriterLock _lock = new(LockRank.Leaf, "portable host memory");

    // In address order; guarded by _lock.
    private readonly List<PortableAllocation> _allocations = [];

    // Blocks given back, to be used again: no allocation once warm. Guarded by _lock held for write.
    private readonly Stack<PortableStaging> _idleStaging = [];
    private readonly HashSet<PortableStaging> _staging = [];

    private long _allocatedBytes;
    private bool _isDisposed;

    /// <inheritdoc/>
    public HostMemoryCapabilities Capabilities => HostMemoryCapabilities.None;

    /// <summary>Staging blocks acquired and not given back.</summary>
    public int StagingBlocksOut
    {
        get
        {
            using RankedReaderWriterLock.ReadScope scope = _lock.EnterRead();
            return _staging.Count;
        }
    }

    /// <summary>Bytes of all allocations, without the slack in front of them.</summary>
    public long AllocatedBytes
    {
        get
        {
            using RankedReaderWriterLock.ReadScope scope = _lock.EnterRead();
            return _allocatedBytes;
        }
    }

    /// <inheritdoc/>
    /// <remarks>Nothing is ever announced here, so the client is not kept.</remarks>
    public void Connect(IHostMemoryClient client) => ArgumentNullException.ThrowIfNull(client);

    /// <inheritdoc/>
    /// <remarks>More than the memory this process may use at all is refused at once: a system that overcommits would grant it and end the process later.</remarks>
    public SvmStatus Allocate(long bytes, out AddressRange interval)
    {
        interval = default;
        if (bytes < 1)
            return SvmStatus.InvalidArgument;
        PageOrder alignment = bytes >= PageSize.HugeBytes ? PageOrder.Huge : PageOrder.Small;
        long available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        if (_isDisposed)
            return SvmStatus.ProcessGone;
        if (bytes > available - _allocatedBytes || PortableAllocation.TryCreate(PageSize.PagesFor(bytes), alignment) is not { } allocation)
            return SvmStatus.OutOfHostMemory;
        interval = allocation.Interval;
        _allocations.Insert(IndexEndingAboveLocked(interval.Start), allocation);
        _allocatedBytes += interval.Bytes;
        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    public bool IsAllocation(AddressRange interval)
    {
        using RankedReaderWriterLock.ReadScope scope = _lock.EnterRead();
        return !interval.IsEmpty && FindLocked(interval) is { } allocation && allocation.Interval == interval;
    }

    /// <inheritdoc/>
    public SvmStatus Free(AddressRange interval)
    {
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        if (interval.IsEmpty || FindLocked(interval) is not { } allocation || allocation.Interval != interval)
            return SvmStatus.InvalidHandle;
        _allocations.Remove(allocation);
        _allocatedBytes -= interval.Bytes;
        allocation.Release();
        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    public bool TryFindMapping(VirtualAddress address, out HostMapping mapping)
    {
        using RankedReaderWriterLock.ReadScope scope = _lock.EnterRead();
        int index = IndexEndingAboveLocked(address);
        bool isFound = index < _allocations.Count;
        mapping = isFound ? new HostMapping(_allocations[index].Interval, IsReadable: true, IsWritable: true, IsAnonymous: true) : default;
        return isFound;
    }

    /// <inheritdoc/>
    /// <remarks>A page is present and writable unless it is away. The system's huge pages cannot be seen from here: every order is 0.</remarks>
    public SvmStatus Query(AddressRange interval, Span<HostPage> pages)
    {
        using RankedReaderWriterLock.ReadScope scope = _lock.EnterRead();
        SvmStatus status = CheckLocked(interval, Math.Min(pages.Length, PageSize.PagesPerHuge), out PortableAllocation allocation, out long first);
        if (!status.IsDone())
            return status;
        for (int i = 0; i < interval.Pages; i++)
        {
            var pointer = new DmaPointer((nint)interval.Start.Value + ((nint)i << PageSize.Shift));
            pages[i] = allocation.IsAway(first + i) ? default : new HostPage(pointer, IsPresent: true, IsWritable: true, IsZero: false, PageOrder.Small);
        }

        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    public SvmStatus Populate(AddressRange interval, MemoryAccess access)
    {
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        SvmStatus status = CheckLocked(interval, PageSize.PagesPerHuge, out PortableAllocation allocation, out long first);
        if (!status.IsDone())
            return status;
        for (int i = 0; i < interval.Pages; i++)
        {
            if (!allocation.IsAway(first + i))
                continue;
            allocation.Bytes(AddressRange.OfPages(interval.Start + ((long)i << PageSize.Shift), 1)).Clear();
            allocation.SetAway(first + i, away: false);
        }

        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    /// <remarks>Marks pages as away; those that are away already become holes. No byte moves.</remarks>
    public SvmStatus Detach(AddressRange interval, HostStaging staging)
    {
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        SvmStatus status = CheckStagingLocked(interval, staging, out PortableAllocation allocation, out long first, out int offset);
        if (!status.IsDone())
            return status;
        for (int i = 0; i < interval.Pages; i++)
        {
            if (staging.IsPresent(offset + i))
                return SvmStatus.InvalidArgument;
        }

        for (int i = 0; i < interval.Pages; i++)
        {
            staging.SetPresent(offset + i, 1, !allocation.IsAway(first + i));
            allocation.SetAway(first + i, away: true);
        }

        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    /// <remarks>Marks the present pages of the block as at home; they stay writable whatever was asked, since plain memory knows no protection.</remarks>
    public SvmStatus Attach(AddressRange interval, HostStaging staging, int first, bool writable)
    {
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        SvmStatus status = CheckStagingLocked(interval, staging, out PortableAllocation allocation, out long page, out int offset);
        if (!status.IsDone())
            return status == SvmStatus.NotMapped ? SvmStatus.Unmapped : status;
        if (offset != first)
            return SvmStatus.InvalidArgument; // The block is the program's own pages, and those do not move.
        for (int i = 0; i < interval.Pages; i++)
        {
            if (!allocation.IsAway(page + i))
                return SvmStatus.InvalidArgument;
        }

        for (int i = 0; i < interval.Pages; i++)
        {
            if (staging.IsPresent(offset + i))
                allocation.SetAway(page + i, away: false);
        }

        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    /// <remarks>Null for an interval that is not an aligned power of two of pages, at most 2 MiB, or meets no allocation. There is no other limit. A block for
    /// <see cref="Attach"/> holds no rubbish but the program's stale bytes. A block may stick out of an allocation: what lies outside is not to be touched.</remarks>
    public HostStaging? AcquireStaging(AddressRange interval, bool forAttach)
    {
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        if (_isDisposed || interval.IsEmpty || !interval.IsPageAligned || interval.Pages > PageSize.PagesPerHuge || !MeetsLocked(interval))
            return null;
        PageOrder order = PageOrder.FloorOf(interval.Pages);
        if (order.Bytes != interval.Bytes || !interval.Start.IsAligned(order))
            return null;
        PortableStaging staging = _idleStaging.Count > 0 ? _idleStaging.Pop() : new PortableStaging();
        staging.Reset(interval, forAttach);
        _staging.Add(staging);
        return staging;
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The block is not one of this memory, or has been given back.</exception>
    public void ReleaseStaging(HostStaging staging)
    {
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        if (staging is not PortableStaging block || !_staging.Remove(block))
            throw new ArgumentException("Not a staging block that this memory has handed out, or given back already.", nameof(staging));
        block.Clear();
        _idleStaging.Push(block);
    }

    /// <inheritdoc/>
    /// <remarks>Always <see cref="SvmStatus.NotSupported"/>.</remarks>
    public SvmStatus WriteProtect(AddressRange interval, bool protect) => SvmStatus.NotSupported;

    /// <inheritdoc/>
    /// <remarks>Always <see cref="SvmStatus.NotSupported"/>: a page that is copied here could be written meanwhile.</remarks>
    public SvmStatus ReadInto(AddressRange interval, HostStaging staging, int first) => SvmStatus.NotSupported;

    /// <inheritdoc/>
    /// <remarks>The pages stay present and are cleared at once; those that are away come home as zeroes.</remarks>
    public SvmStatus Discard(AddressRange interval)
    {
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        SvmStatus status = CheckLocked(interval, long.MaxValue, out PortableAllocation allocation, out long first);
        if (!status.IsDone())
            return status;
        for (VirtualAddress at = interval.Start; at < interval.End; at += PageSize.HugeBytes)
            allocation.Bytes(AddressRange.OfBytes(at, PageSize.HugeBytes).Intersect(interval)).Clear();
        for (long page = first; page < first + interval.Pages; page++)
            allocation.SetAway(page, away: false);
        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    /// <remarks>Nobody ever waits.</remarks>
    public void Wake(AddressRange interval)
    {
    }

    /// <inheritdoc/>
    public SvmStatus Read(VirtualAddress address, Span<byte> destination)
    {
        using RankedReaderWriterLock.ReadScope scope = _lock.EnterRead();
        AddressRange bytes = AddressRange.OfBytes(address, destination.Length);
        if (!IsHomeLocked(bytes, out PortableAllocation? allocation))
            return SvmStatus.NotMapped;
        allocation?.Bytes(bytes).CopyTo(destination);
        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    public SvmStatus Write(VirtualAddress address, ReadOnlySpan<byte> source)
    {
        using RankedReaderWriterLock.ReadScope scope = _lock.EnterRead();
        AddressRange bytes = AddressRange.OfBytes(address, source.Length);
        if (!IsHomeLocked(bytes, out PortableAllocation? allocation))
            return SvmStatus.NotMapped;
        if (allocation is not null)
            source.CopyTo(allocation.Bytes(bytes));
        return SvmStatus.Done;
    }

    /// <summary>Gives all memory back. Pointers into it must not be used any more; every later call fails.</summary>
    public void Dispose()
    {
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        _isDisposed = true;
        foreach (PortableAllocation allocation in _allocations)
            allocation.Release();
        _allocations.Clear();
        _allocatedBytes = 0;
    }

    /// <summary>Whether all pages of some bytes are at home, in one allocation.</summary>
    /// <param name="bytes">The bytes; none of them is always at home.</param>
    /// <param name="allocation">The allocation; null for no bytes.</param>
    /// <returns>False if one is away or not allocated.</returns>
    private bool IsHomeLocked(AddressRange bytes, out PortableAllocation? allocation)
    {
        allocation = null;
        if (bytes.IsEmpty)
            return bytes.Start == bytes.End;
        allocation = FindLocked(bytes);
        if (allocation is null)
            return false;
        AddressRange pages = bytes.AlignOutward();
        long first = (pages.Start - allocation.Interval.Start) >> PageSize.Shift;
        for (long page = first; page < first + pages.Pages; page++)
        {
            if (allocation.IsAway(page))
                return false;
        }

        return true;
    }

    /// <summary>The checks that every operation on pages begins with.</summary>
    /// <param name="interval">The interval given.</param>
    /// <param name="maxPages">The most pages it may have.</param>
    /// <param name="allocation">The allocation it lies in.</param>
    /// <param name="first">The index of its first page there.</param>
    /// <returns><see cref="SvmStatus.Done"/>, <see cref="SvmStatus.ProcessGone"/>, <see cref="SvmStatus.InvalidArgument"/> or <see cref="SvmStatus.NotMapped"/>.</returns>
    private SvmStatus CheckLocked(AddressRange interval, long maxPages, out PortableAllocation allocation, out long first)
    {
        allocation = null!;
        first = 0;
        if (_isDisposed)
            return SvmStatus.ProcessGone;
        if (interval.IsEmpty || !interval.IsPageAligned || interval.Pages > maxPages)
            return SvmStatus.InvalidArgument;
        if (FindLocked(interval) is not { } found)
            return SvmStatus.NotMapped;
        allocation = found;
        first = (interval.Start - found.Interval.Start) >> PageSize.Shift;
        return SvmStatus.Done;
    }

    /// <summary>The checks of an operation between pages and a staging block.</summary>
    /// <param name="interval">The interval given.</param>
    /// <param name="staging">The block given.</param>
    /// <param name="allocation">The allocation the interval lies in.</param>
    /// <param name="first">The index of its first page there.</param>
    /// <param name="offset">The index of its first page in the block.</param>
    /// <returns>As <see cref="CheckLocked"/>; <see cref="SvmStatus.InvalidArgument"/> for a block that is not out or serves another interval.</returns>
    private SvmStatus CheckStagingLocked(AddressRange interval, HostStaging staging, out PortableAllocation allocation, out long first, out int offset)
    {
        offset = 0;
        SvmStatus status = CheckLocked(interval, PageSize.PagesPerHuge, out allocation, out first);
        if (!status.IsDone())
            return status;
        if (staging is not PortableStaging block || !_staging.Contains(block) || !block.Interval.Contains(interval))
            return SvmStatus.InvalidArgument;
        offset = block.Interval.PageIndexOf(interval.Start);
        return SvmStatus.Done;
    }

    /// <summary>Finds the allocation that holds an interval wholly.</summary>
    /// <param name="interval">An interval, not empty.</param>
    /// <returns>The allocation, or null.</returns>
    private PortableAllocation? FindLocked(AddressRange interval)
    {
        int index = IndexEndingAboveLocked(interval.Start);
        return index < _allocations.Count && _allocations[index].Interval.Contains(interval) ? _allocations[index] : null;
    }

    /// <summary>Whether an allocation has a page of an interval.</summary>
    /// <param name="interval">An interval, not empty.</param>
    /// <returns>True if one has.</returns>
    private bool MeetsLocked(AddressRange interval)
    {
        int index = IndexEndingAboveLocked(interval.Start);
        return index < _allocations.Count && _allocations[index].Interval.Overlaps(interval);
    }

    /// <summary>The index of the first allocation that ends above an address.</summary>
    /// <param name="address">The address.</param>
    /// <returns>The index; the list's length if there is none.</returns>
    private int IndexEndingAboveLocked(VirtualAddress address)
    {
        _lock.AssertHeld();
        int low = 0, high = _allocations.Count;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            if (_allocations[middle].Interval.End > address)
                high = middle;
            else
                low = middle + 1;
        }

        return low;
    }
}
