// SPDX-License-Identifier: MIT
using System.Diagnostics;
using System.Runtime.InteropServices;
using GpuSvm.Core.Addressing;
using GpuSvm.Linux.Interop;

namespace GpuSvm.Linux;

/// <summary>
/// Private memory through which pages travel. A page is detached by moving it here, copied to the device, and stays; the next page that comes home
/// is copied
/// into it and moved out. So physical pages circulate: no allocation, no zeroing, and a migration costs little more than its copy.
/// </summary>
/// <remarks>
/// The area has a userfaultfd descriptor of its own, without events: UFFDIO_MOVE demands that its destination be registered with the descriptor it
/// is called on,
/// and events pending on the heap's descriptor then do not matter for a detach. Nobody reads this descriptor. It is registered for write
/// protection only, so that a touch of an empty slot is served by the kernel: the same slots can be filled by the kernel and by MOVE.
/// <para>Slots of 2 MiB come in two kinds. A huge page moves whole only into a place that has no page table; where small pages once were the kernel
/// splits it.
/// So whole pages and blocks of 512 small ones never share slots, and a slot that got the wrong kind is mapped anew.</para>
/// </remarks>
internal sealed class StagingArea : IDisposable
{
    /// <summary>The place in the table of classes of 2 MiB blocks made of small pages.</summary>
    private const int HugeInSmallPages = 10;

    private const long BytesPerSmallClass = 64L << 20;
    private const int HugeSlots = 256;
    private const int Protection = LinuxConstants.PROT_READ | LinuxConstants.PROT_WRITE;
    private const int Flags = LinuxConstants.MAP_PRIVATE | LinuxConstants.MAP_ANONYMOUS | LinuxConstants.MAP_NORESERVE;

    private readonly Pagemap _pagemap;
    private readonly AttachCosts _costs;
    private readonly bool _huge;
    private readonly StagingClass[] _classes = new StagingClass[HugeInSmallPages + 1];
    private readonly nint _reservation;
    private readonly long _reservedBytes;

    /// <summary>Maps and registers the area; physical memory comes when needed.</summary>
    /// <param name="userfault">Its descriptor; owned.</param>
    /// <param name="pagemap">To tell huge pages; not owned.</param>
    /// <param name="options">How much to keep.</param>
    /// <param name="costs">Is told what filling and dropping cost.</param>
    /// <exception cref="HostMemoryUnavailableException">The mapping or registration was refused.</exception>
    internal StagingArea(Userfaultfd userfault, Pagemap pagemap, UserfaultOptions options, AttachCosts costs)
    {
        Userfault = userfault;
        _costs = costs;
        _pagemap = pagemap;
        _huge = options.HugePages;
        const long HugeBytes = (long)HugeSlots * PageSize.HugeBytes;
        const long Bytes = (2 * HugeBytes) + (9 * BytesPerSmallClass);
        _reservedBytes = Bytes + PageSize.HugeBytes;
        _reservation = Libc.mmap(0, (nuint)_reservedBytes, Protection, Flags, -1, 0);
        if (_reservation == -1)
            throw new HostMemoryUnavailableException($"{_reservedBytes >> 20} MiB for staging cannot be mapped ({Marshal.GetLastPInvokeErrorMessage()}): sudo sysctl -w vm.overcommit_memory=0, or ulimit -v unlimited.");
        ulong start = ((ulong)_reservation + PageSize.HugeBytes - 1) & ~((ulong)PageSize.HugeBytes - 1);
        int error = Prepare(start, HugeBytes, _huge);
        if (error == 0)
            error = Prepare(start + HugeBytes, Bytes - HugeBytes, huge: false);
        if (error != 0)
        {
            _ = Libc.munmap(_reservation, (nuint)_reservedBytes);
            throw new HostMemoryUnavailableException($"the staging area cannot be registered with userfaultfd ({Marshal.GetPInvokeErrorMessage(error)}): install Linux 6.8 or later.");
        }

        _classes[PageOrder.Huge.Value] = new StagingClass("staging of whole huge pages", start, PageOrder.Huge, isWhole: true, HugeSlots, options.PooledHugeBlocks);
        start += HugeBytes;
        _classes[HugeInSmallPages] = new StagingClass("staging of 2 MiB", start, PageOrder.Huge, isWhole: false, HugeSlots, options.PooledHugeBlocks);
        start += HugeBytes;
        for (byte order = 0; order < PageOrder.Huge.Value; order++)
        {
            var size = new PageOrder(order);
            int keep = (int)Math.Min(options.PooledBytesPerOrder / size.Bytes, int.MaxValue);
            _classes[order] = new StagingClass($"staging of order {order}", start, size, isWhole: false, (int)(BytesPerSmallClass / size.Bytes), keep);
            start += BytesPerSmallClass;
        }
    }

    /// <summary>The area's descriptor, for moving pages in.</summary>
    internal Userfaultfd Userfault { get; }

    /// <summary>Bytes of pages kept for reuse now.</summary>
    internal long PooledBytes
    {
        get
        {
            long bytes = 0;
            for (int i = 0; i < _classes.Length; i++)
                bytes += _classes[i].FilledCount * new PageOrder((byte)Math.Min(i, PageOrder.Huge.Value)).Bytes;
            return bytes;
        }
    }

    /// <summary>Gets a block.</summary>
    /// <param name="interval">What it will serve; 1 to 512 pages.</param>
    /// <param name="filled">Whether with pages (bytes are rubbish unless <see cref="StagingSlot.IsZeroed"/>), all marked present; else empty, all
    /// marked holes.</param>
    /// <param name="whole">Whether a block of 2 MiB should be one huge page.</param>
    /// <returns>The block, or null: all in use, or no memory. Locking: takes a leaf lock. Allocates only the first time a slot is used.</returns>
    internal StagingSlot? Acquire(AddressRange interval, bool filled, bool whole)
    {
        PageOrder order = PageOrder.CeilingOf(interval.Pages);
        if (order > PageOrder.Huge)
            return null;
        StagingClass from = _classes[order == PageOrder.Huge && !whole ? HugeInSmallPages : order.Value];
        if (from.Take(filled, out bool hasPages) is not StagingSlot slot)
            return null;
        slot.Hand(interval);
        slot.IsZeroed = false;
        slot.FillTicks = 0;
        if (filled && !hasPages && !Fill(slot))
        {
            slot.MustDrop = true; // Some pages may have come.
            Release(slot);
            return null;
        }

        if (!filled && hasPages)
            Empty(slot);
        slot.SetPresent(0, slot.Order.Pages, filled);
        return slot;
    }

    /// <summary>Takes a block back. A full one waits for the next page that comes home; of others the pages are dropped.</summary>
    /// <param name="slot">The block. Locking: takes a leaf lock.</param>
    /// <exception cref="ArgumentException">It was given back before.</exception>
    internal void Release(StagingSlot slot)
    {
        if (!slot.TryTakeBack())
            throw new ArgumentException("The staging block was given back before.", nameof(slot));
        bool isSound = !slot.IsTainted && !slot.MustDrop;
        if (isSound && slot.PagesInside == slot.Order.Pages && slot.Owner.TryKeepFilled(slot))
            return;
        if (!isSound || slot.PagesInside != 0)
            Empty(slot);
        slot.Owner.KeepEmpty(slot);
    }

    /// <summary>Drops pages of a slot, for a move into it found some.</summary>
    /// <param name="address">First byte.</param>
    /// <param name="bytes">Length.</param>
    internal static void Drop(ulong address, long bytes) => _ = Libc.madvise((nint)address, (nuint)bytes, LinuxConstants.MADV_DONTNEED);

    /// <inheritdoc/>
    public void Dispose()
    {
        Userfault.Dispose();
        _ = Libc.munmap(_reservation, (nuint)_reservedBytes);
    }

    /// <summary>Has the kernel put pages of zeroes into an empty slot.</summary>
    /// <param name="slot">The slot.</param>
    /// <returns>False if there is no memory.</returns>
    private bool Fill(StagingSlot slot)
    {
        long start = Stopwatch.GetTimestamp();
        if (Libc.madvise((nint)slot.Address, (nuint)slot.Order.Bytes, LinuxConstants.MADV_POPULATE_WRITE) != 0)
            return false;
        slot.FillTicks = Stopwatch.GetTimestamp() - start;
        slot.IsZeroed = true;
        slot.PagesInside = slot.Order.Pages;
        slot.IsTainted = slot.IsWhole && !_pagemap.IsHuge(slot.Address); // No huge page was to be had: 512 small ones.
        return true;
    }

    /// <summary>Makes a slot empty, whatever it holds.</summary>
    /// <param name="slot">The slot.</param>
    private void Empty(StagingSlot slot)
    {
        long start = Stopwatch.GetTimestamp();
        if (slot.IsTainted)
        {
            // Mapping anew in one step gives the page table back too, on every kernel; MADV_DONTNEED does so only from 6.14 on.
            _ = Libc.mmap((nint)slot.Address, (nuint)slot.Order.Bytes, Protection, Flags | LinuxConstants.MAP_FIXED, -1, 0);
            _ = Prepare(slot.Address, slot.Order.Bytes, _huge);
        }
        else
        {
            Drop(slot.Address, slot.Order.Bytes);
        }

        if (slot.IsLeftByCopy)
            _costs.NoteDrop(start);
        slot.IsLeftByCopy = false;
        slot.PagesInside = 0;
        slot.IsTainted = false;
        slot.MustDrop = false;
    }

    /// <summary>Gives fresh memory the area's properties.</summary>
    /// <param name="start">First byte.</param>
    /// <param name="bytes">Length.</param>
    /// <param name="huge">Whether in huge pages.</param>
    /// <returns>The error number, 0 if done.</returns>
    private int Prepare(ulong start, long bytes, bool huge)
    {
        // A page shared with a forked child would not be exclusive, and could not be moved.
        if (Libc.madvise((nint)start, (nuint)bytes, LinuxConstants.MADV_DONTFORK) != 0)
            return Marshal.GetLastPInvokeError();

        // A kernel without huge pages refuses both, and gives small pages either way.
        _ = Libc.madvise((nint)start, (nuint)bytes, huge ? LinuxConstants.MADV_HUGEPAGE : LinuxConstants.MADV_NOHUGEPAGE);
        return Userfault.Register(start, bytes, UserfaultConstants.UFFDIO_REGISTER_MODE_WP);
    }
}
