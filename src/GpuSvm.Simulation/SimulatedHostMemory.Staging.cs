// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;

namespace GpuSvm.Simulation;

/// <content>Staging blocks, and the audit of who owns which frame.</content>
public sealed partial class SimulatedHostMemory
{
    /// <inheritdoc/>
    /// <remarks>Null also for an interval that is not an aligned power of two of pages, at most 2 MiB. The bytes of a block to attach are 0xCD.</remarks>
    public HostStaging? AcquireStaging(AddressRange interval, bool forAttach)
    {
        if (interval.IsEmpty || !interval.IsPageAligned || interval.Pages > PageSize.PagesPerHuge)
            return null;
        PageOrder order = PageOrder.FloorOf(interval.Pages);
        if (order.Bytes != interval.Bytes || !interval.Start.IsAligned(order))
            return null;
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        byte? fill = forAttach ? FrameStore.RubbishByte : null;
        if (_isDisposed || _staging.Count >= _options.StagingBlocks || !_frames.TryAllocate(order, fill, out int frame))
            return null;
        var staging = new SimulatedStaging(interval, frame, _frames.PointerTo(frame), forAttach);
        _staging.Add(staging);
        return staging;
    }

    /// <inheritdoc/>
    public SvmStatus ReadInto(AddressRange interval, HostStaging staging, int first)
    {
        if (!Has(HostMemoryCapabilities.WriteProtect))
            return SvmStatus.NotSupported;
        Reach(SimulatedOperation.DmaAccess);
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        int pages = (int)interval.Pages;
        if (staging is not SimulatedStaging block || !_staging.Contains(block) || !interval.IsPageAligned || interval.IsEmpty || first < 0 || first + pages > block.Order.Pages)
            return SvmStatus.InvalidArgument;
        if (!IsPresentLocked(interval.Start, (int)interval.Bytes))
            return SvmStatus.NotMapped;
        for (int page = 0; page < pages; page++)
            _frames.Bytes(_pages.Read(interval.Start.PageNumber + (ulong)page).Frame).CopyTo(_frames.Bytes(block.Frame + first + page));
        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The block is not one of this memory, or has been given back.</exception>
    public void ReleaseStaging(HostStaging staging)
    {
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        if (staging is not SimulatedStaging block || !_staging.Remove(block))
            throw new ArgumentException("Not a staging block that this memory has handed out, or given back already.", nameof(staging));
        for (int page = 0; page < block.Order.Pages; page++)
        {
            if (block.Owned.Contains(page))
                _frames.Free(block.Frame + page, 1);
        }
    }

    /// <summary>
    /// Checks that nothing has leaked or been overwritten: no staging block is out, no thread is left faulted, every frame has exactly one owner, no freed
    /// frame and no byte of the page of zeroes was written. Mappings may stay.
    /// </summary>
    /// <exception cref="InvalidOperationException">Something is wrong; the message says what.</exception>
    public void VerifyNoLeaks()
    {
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        if (_staging.Count != 0)
            throw new InvalidOperationException($"{_staging.Count} staging blocks were not given back.");
        if (_waiters.Count != 0)
            throw new InvalidOperationException($"{_waiters.Count} program threads are still stopped on a page.");
        if (_pendingEvents != 0)
            throw new InvalidOperationException($"{_pendingEvents} events were announced and never read.");
        var owners = new ulong[_frames.Count];
        int owned = 0;
        foreach ((ulong number, PageTableBlock block) in _pages.Blocks)
        {
            for (int i = 0; i < block.Entries.Length; i++)
            {
                if (!block.Entries[i].OwnsFrame)
                    continue;
                ulong page = number * PageSize.PagesPerHuge + (ulong)i;
                VerifyOwnerLocked(owners, page, block.Entries[i].Frame);
                owned++;
            }
        }

        if (owned != _frames.InUse)
            throw new InvalidOperationException($"{_frames.InUse} frames are in use, but pages hold only {owned} of them.");
        _frames.CheckAllPoison();
    }

    /// <summary>Notes who owns a frame.</summary>
    /// <param name="owners">For each frame the page that owns it; 0 for none.</param>
    /// <param name="page">The page found to own it.</param>
    /// <param name="frame">The frame.</param>
    private void VerifyOwnerLocked(ulong[] owners, ulong page, int frame)
    {
        VirtualAddress address = VirtualAddress.OfPage(page);
        if (!_mappings.Covers(AddressRange.OfPages(address, 1)))
            throw new InvalidOperationException($"The page at {address} is present, but no mapping covers it.");
        if (_frames.IsFree(frame))
            throw new InvalidOperationException($"The page at {address} uses frame {frame}, which is free.");
        if (owners[frame] != 0)
            throw new InvalidOperationException($"The pages at {address} and {VirtualAddress.OfPage(owners[frame])} both use frame {frame}.");
        owners[frame] = page;
    }

    /// <summary>Whether a block may be used for an interval, and where in it the interval's pages are.</summary>
    /// <param name="staging">The block given.</param>
    /// <param name="interval">The interval given.</param>
    /// <param name="block">The block.</param>
    /// <param name="first">The block's page for the interval's first page.</param>
    /// <returns>False if it is not ours, has been given back, or serves another interval.</returns>
    private bool IsUsableLocked(HostStaging staging, AddressRange interval, out SimulatedStaging block, out int first)
    {
        _lock.AssertHeld();
        block = (staging as SimulatedStaging)!;
        first = 0;
        if (block is null || !_staging.Contains(block) || !block.Interval.Contains(interval))
            return false;
        first = block.Interval.PageIndexOf(interval.Start);
        return true;
    }
}
