// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Locking;
using GpuSvm.SoftwareGpu.Interop;

namespace GpuSvm.SoftwareGpu;

/// <summary>
/// The software GPU's own memory: private pages of this process that no program sees, on a 2 MiB boundary and backed by huge pages where the system has
/// them, handed out by a buddy allocator. A frame's bytes lie at <see cref="BasePointer"/> plus 4096 times its number.
/// </summary>
/// <remarks>Thread-safe. Locking: takes rank DeviceMemory inside, calls nothing outward. The pages come from the system on first touch.</remarks>
public sealed unsafe class SoftwareGpuMemory : IDeviceMemory, IDisposable
{
    private readonly RankedLock _lock = new(LockRank.DeviceMemory, "software GPU memory");
    private readonly BuddyAllocator _buddy; // Guarded by _lock.
    private readonly nint _reserved; // What the system gave, which may begin below BasePointer.
    private readonly nuint _reservedBytes;
    private readonly byte[] _useMarks; // Pinned. One byte for each 64 KiB: 1 if a unit has translated an address there. Written by units, cleared by TakeUse, both without a lock.
    private bool _disposed; // Guarded by _lock.

    /// <summary>Reserves the memory.</summary>
    /// <param name="bytes">A multiple of 4096, at least 4096.</param>
    /// <exception cref="ArgumentException">The size is not one; the message names the nearest good sizes.</exception>
    /// <exception cref="InsufficientMemoryException">The system does not give that much address space.</exception>
    public SoftwareGpuMemory(long bytes)
    {
        CheckSize(bytes);
        Bytes = bytes;
        if (OperatingSystem.IsLinux())
        {
            _reservedBytes = (nuint)bytes + PageSize.HugeBytes;
            _reserved = LibC.mmap(0, _reservedBytes, LibC.ProtectionReadWrite, LibC.MapPrivateAnonymousNoReserve, -1, 0);
            if (_reserved == -1)
                throw new InsufficientMemoryException($"Cannot reserve {bytes} bytes of device memory (error {Marshal.GetLastPInvokeError()}): choose less, or raise the limit of address space (ulimit -v).");
            BasePointer = (_reserved + PageSize.HugeBytes - 1) & ~((nint)PageSize.HugeBytes - 1);
            _ = LibC.madvise(_reserved, _reservedBytes, LibC.AdviseNoChildren); // A forked child has no device; it would only make each write here copy a page.
            _ = LibC.madvise(BasePointer, (nuint)bytes, LibC.AdviseHugePage); // Only advice: without huge pages it works as well, slower.
        }
        else
        {
            // SAFETY: owned by this object until Dispose; zeroed so that it starts like mmap's.
            _reserved = (nint)NativeMemory.AlignedAlloc((nuint)bytes, PageSize.HugeBytes);
            NativeMemory.Clear((void*)_reserved, (nuint)bytes);
            BasePointer = _reserved;
        }

        _buddy = new BuddyAllocator((int)(bytes >> PageSize.Shift));
        _useMarks = GC.AllocateArray<byte>((int)((bytes + PageOrder.Medium.Bytes - 1) / PageOrder.Medium.Bytes), pinned: true);
    }

    /// <summary>The use marks, for units: a byte for each <see cref="PageOrder.Medium"/> of memory.</summary>
    internal byte* UseMarks => (byte*)Marshal.UnsafeAddrOfPinnedArrayElement(_useMarks, 0); // SAFETY: pinned for its life, and this object keeps it.

    /// <summary>How many use marks there are.</summary>
    internal int UseMarkCount => _useMarks.Length;

    /// <summary>The address of frame 0 in this process; 2 MiB aligned.</summary>
    public nint BasePointer { get; }

    /// <summary>The memory's size in bytes.</summary>
    public long Bytes { get; }

    /// <inheritdoc/>
    public int Pages => _buddy.Pages;

    /// <inheritdoc/>
    public int FreePages => _buddy.FreePages;

    /// <inheritdoc/>
    /// <remarks>Also <see cref="SvmStatus.InvalidArgument"/> for an order above 9 and <see cref="SvmStatus.DeviceGone"/> after dispose.</remarks>
    public SvmStatus Allocate(PageOrder order, out DeviceFrame first)
    {
        first = default;
        if (order.Value > BuddyAllocator.MaxOrder)
            return SvmStatus.InvalidArgument;
        using (_lock.Enter())
        {
            if (_disposed)
                return SvmStatus.DeviceGone;
            if (!_buddy.TryAllocate(order.Value, out int frame))
                return SvmStatus.OutOfDeviceMemory;
            first = new DeviceFrame(frame);
            return SvmStatus.Done;
        }
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">It is not a taken block of that order, for example freed twice.</exception>
    public void Free(DeviceFrame first, PageOrder order)
    {
        using (_lock.Enter())
            _buddy.Free(first.Number, order.Value);
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">One of the frames is not taken.</exception>
    public void FreePart(DeviceFrame first, int pages)
    {
        using (_lock.Enter())
            _buddy.FreePart(first.Number, pages);
    }

    /// <inheritdoc/>
    /// <remarks>A mark stands for 64 KiB. An access that began before it was taken away may not show.</remarks>
    public bool TakeUse(DeviceFrame first, int pages)
    {
        bool used = false;
        long end = ((long)first.Number + pages - 1) >> PageOrder.Medium.Value;
        for (long mark = first.Number >> PageOrder.Medium.Value; mark <= end; mark++)
        {
            if (_useMarks[mark] == 0)
                continue;
            _useMarks[mark] = 0;
            used = true;
        }

        return used;
    }

    /// <summary>Gives the memory back to the system. Blocks still taken are lost; no unit or copy may run any more.</summary>
    public void Dispose()
    {
        using (_lock.Enter())
        {
            if (_disposed)
                return;
            _disposed = true;
        }

        // SAFETY: the device has stopped units and copy engine before, so that nobody holds a pointer into it.
        if (OperatingSystem.IsLinux())
            _ = LibC.munmap(_reserved, _reservedBytes);
        else
            NativeMemory.AlignedFree((void*)_reserved);
    }

    /// <summary>Checks a size.</summary>
    /// <param name="bytes">The size asked for.</param>
    /// <exception cref="ArgumentException">It is not a size a device can have.</exception>
    internal static void CheckSize(long bytes)
    {
        const long MaxBytes = (long)int.MaxValue << PageSize.Shift;
        if (bytes < PageSize.Bytes)
            throw new ArgumentException($"A device memory of {bytes} bytes is smaller than one page: choose at least {PageSize.Bytes}.", nameof(bytes));
        if (bytes % PageSize.Bytes != 0)
            throw new ArgumentException($"A device memory of {bytes} bytes is no whole number of pages: choose {bytes / PageSize.Bytes * PageSize.Bytes} or {(bytes / PageSize.Bytes + 1) * PageSize.Bytes}.", nameof(bytes));
        if (bytes > MaxBytes)
            throw new ArgumentException($"A device memory of {bytes} bytes is too large: choose at most {MaxBytes}.", nameof(bytes));
    }

    /// <summary>Whether a block lies inside the memory.</summary>
    /// <param name="first">Its first frame.</param>
    /// <param name="pages">Its length in base pages.</param>
    /// <returns>True if it does and is not empty.</returns>
    internal bool Contains(DeviceFrame first, int pages) => pages >= 1 && first.Number >= 0 && first.Number <= Pages - pages;

    /// <summary>Where a frame's bytes are.</summary>
    /// <param name="frame">A frame inside.</param>
    /// <returns>Its first byte.</returns>
    internal byte* PointerOf(DeviceFrame frame) => (byte*)BasePointer + frame.OffsetBytes;
}
