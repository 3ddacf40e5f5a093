// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Linux.Interop;

namespace GpuSvm.Linux;

/// <content>How pages come back to the program: by moving, and by copying where the kernel does not move.</content>
internal sealed unsafe partial class PageMover
{
    /// <summary>Undoes a detach.</summary>
    /// <param name="interval">The pages.</param>
    /// <param name="slot">The block.</param>
    /// <param name="offset">Where the interval's pages lie in it.</param>
    /// <param name="isPatient">Whether to wait for a pending event to be read.</param>
    /// <returns>Done, or why a page stayed in the block.</returns>
    private SvmStatus PutBack(AddressRange interval, StagingSlot slot, long offset, bool isPatient)
    {
        var wait = new PendingEventWait(_rescue, isPatient);
        slot.IsTainted |= slot.IsWhole;
        int first = (int)(offset >> PageSize.Shift);
        int limit = first + (int)interval.Pages;
        for (int page = first; page < limit;)
        {
            int run = slot.RunLength(page, limit);
            if (slot.IsPresent(page))
            {
                ulong target = interval.Start.Value + ((ulong)(page - first) << PageSize.Shift);
                SvmStatus status = MoveIn(target, slot.Address + ((ulong)page << PageSize.Shift), (long)run << PageSize.Shift, slot, page, ref wait);
                if (status != SvmStatus.Done)
                    return status;
            }

            page += run;
        }

        return SvmStatus.Done;
    }

    /// <summary>Moves a run of pages from staging into the heap and wakes who waits there.</summary>
    /// <param name="target">First byte in the heap.</param>
    /// <param name="source">First byte in the block.</param>
    /// <param name="bytes">Length.</param>
    /// <param name="slot">The block; what has moved becomes a hole.</param>
    /// <param name="page">The run's first page in it.</param>
    /// <param name="wait">What to do while an event is pending.</param>
    /// <returns>As <see cref="TryAttach"/>.</returns>
    private SvmStatus MoveIn(ulong target, ulong source, long bytes, StagingSlot slot, int page, ref PendingEventWait wait)
    {
        for (long done = 0; done < bytes;)
        {
            int error = Move(_arena, target + (ulong)done, source + (ulong)done, bytes - done, out long moved);
            NoteMoved(slot, page + (int)(done >> PageSize.Shift), moved, isIn: false);
            done += moved;
            if (error == 0 || (error == Errno.EAGAIN && wait.Again()))
                continue;
            if (IsGuarded(target + (ulong)done, error))
            {
                slot.SetPresent(page + (int)(done >> PageSize.Shift), 1, present: false);
                slot.MustDrop = true;
                done += PageSize.Bytes;
                continue;
            }

            if (error is not (Errno.EINVAL or Errno.EBUSY))
                return StatusOf(error);

            // The program changed the mapping's protection, or a page of ours is not exclusive. Copying asks for neither.
            SvmStatus status = CopyIn(target + (ulong)done, source + (ulong)done, bytes - done, slot, page + (int)(done >> PageSize.Shift), protect: false, ref wait);
            if (status != SvmStatus.Done)
                return status;
            break;
        }

        CpuFaultService.NoteWoken(target, target + (ulong)bytes);
        return SvmStatus.Done;
    }

    /// <summary>Whether a page cannot be installed because the program has put a guard there (MADV_GUARD_INSTALL) while a device had it: with that it gave the page's bytes up.</summary>
    /// <param name="target">The page's address.</param>
    /// <param name="error">What the kernel said.</param>
    /// <returns>True if so: the page is as good as installed.</returns>
    private bool IsGuarded(ulong target, int error) =>
        error is Errno.EEXIST or Errno.EFAULT && _pagemap.HasGuard(target, target + PageSize.Bytes);

    /// <summary>Installs copies of a run of pages; the pages stay where they are.</summary>
    /// <param name="target">First byte in the heap.</param>
    /// <param name="source">First byte in private memory.</param>
    /// <param name="bytes">Length.</param>
    /// <param name="slot">The block they lie in, whose marks go as the copies come; null if they lie in none.</param>
    /// <param name="page">The run's first page in it.</param>
    /// <param name="protect">Whether write-protected from the first moment on, which moving cannot do.</param>
    /// <param name="wait">What to do while an event is pending.</param>
    /// <returns>As <see cref="TryAttach"/>.</returns>
    private SvmStatus CopyIn(ulong target, ulong source, long bytes, StagingSlot? slot, int page, bool protect, ref PendingEventWait wait)
    {
        for (long done = 0; done < bytes;)
        {
            int error = _arena.Copy(target + (ulong)done, source + (ulong)done, bytes - done, protect ? UserfaultConstants.UFFDIO_COPY_MODE_WP : 0, out long copied);
            slot?.SetPresent(page + (int)(done >> PageSize.Shift), (int)(copied >> PageSize.Shift), present: false);
            done += copied;
            if (error == 0 || (error == Errno.EAGAIN && wait.Again()))
                continue;
            if (!IsGuarded(target + (ulong)done, error))
                return StatusOf(error);
            slot?.SetPresent(page + (int)(done >> PageSize.Shift), 1, present: false);
            done += PageSize.Bytes;
        }

        CpuFaultService.NoteWoken(target, target + (ulong)bytes);
        return SvmStatus.Done;
    }
}
