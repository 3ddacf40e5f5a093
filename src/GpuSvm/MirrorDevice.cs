// SPDX-License-Identifier: MIT
using GpuSvm.Interop;

namespace GpuSvm;

/// <summary>
/// A device in its least form, made by <see cref="SharedMemory.CreateMirror"/>: a table from pages to frames and memory of its own, without kernels and policies. For tests of drivers and of this library, as
/// Linux has one in its HMM test driver.
/// </summary>
/// <remarks>
/// Intervals are whole pages of 4096 bytes of shared memory, at most 64 MiB. Its memory is its own: who else touches a page there, another mirror or a GPU too, brings it home. A refused step is a
/// <see cref="SharedMemoryException"/>; its status tells why.
/// </remarks>
public sealed unsafe class MirrorDevice : IDisposable
{
    private const int PageBytes = 4096;

    private readonly ulong _handle;
    private int _disposed; // Interlocked.

    /// <summary>Wraps a mirror.</summary>
    /// <param name="handle">The library's handle.</param>
    internal MirrorDevice(ulong handle) => _handle = handle;

    /// <summary>Reads pages through the table, faulting where an entry is missing: all pages behind it in the interval at once, as far as the mapping goes.</summary>
    /// <param name="address">The first page.</param>
    /// <param name="destination">Receives whole pages; filled only if all could be read.</param>
    /// <returns>How far it came.</returns>
    public MirrorProgress Read(nint address, Span<byte> destination)
    {
        int status;
        ulong pages;
        ulong faults;
        // SAFETY: pinned during the call, which writes exactly its length.
        fixed (byte* buffer = destination)
            status = NativeMethods.gpusvm_mirror_read(Handle, address, (ulong)destination.Length, buffer, out pages, out faults);
        NativeErrors.Check(status);
        return new MirrorProgress((long)pages, (long)faults);
    }

    /// <summary>Writes pages through the table, faulting where an entry is missing or does not allow it.</summary>
    /// <param name="address">The first page.</param>
    /// <param name="source">Whole pages; those before one that failed are written.</param>
    /// <returns>How far it came.</returns>
    public MirrorProgress Write(nint address, ReadOnlySpan<byte> source)
    {
        int status;
        ulong pages;
        ulong faults;
        // SAFETY: pinned during the call, which reads exactly its length.
        fixed (byte* buffer = source)
            status = NativeMethods.gpusvm_mirror_write(Handle, address, (ulong)source.Length, buffer, out pages, out faults);
        NativeErrors.Check(status);
        return new MirrorProgress((long)pages, (long)faults);
    }

    /// <summary>Reads pages through the table as it is, up to the first without an entry.</summary>
    /// <param name="address">The first page.</param>
    /// <param name="destination">Receives whole pages.</param>
    /// <returns>How many pages were read.</returns>
    public int Peek(nint address, Span<byte> destination)
    {
        ulong pages;
        // SAFETY: as in Read.
        fixed (byte* buffer = destination)
            NativeErrors.Check(NativeMethods.gpusvm_mirror_peek(Handle, address, (ulong)destination.Length, buffer, out pages));
        return (int)pages;
    }

    /// <summary>Moves pages to the mirror's memory, or home from it. Pages that cannot move stay where they are.</summary>
    /// <param name="address">The first page.</param>
    /// <param name="bytes">Whole pages.</param>
    /// <param name="location"><see cref="MemoryLocation.Device"/> is the mirror's memory.</param>
    /// <returns>How many pages moved.</returns>
    public int Migrate(nint address, nint bytes, MemoryLocation location)
    {
        NativeErrors.Check(NativeMethods.gpusvm_mirror_migrate(Handle, address, (ulong)bytes, (uint)location, out ulong moved));
        return (int)moved;
    }

    /// <summary>What the mirror would see of each page without faulting.</summary>
    /// <param name="address">The first page.</param>
    /// <param name="bytes">Whole pages.</param>
    /// <returns>A byte a page: 0xFF no mapping, or one that may not be read; 0 nothing there, or in another device's memory; else 1 (may be read) or 2 (written), and added to it 4 (a page of 2 MiB), 0x10 (the page of
    /// zeroes), 0x20 (in the mirror's own memory).</returns>
    public byte[] Snapshot(nint address, nint bytes)
    {
        byte[] pages = new byte[Math.Max(1, bytes / PageBytes)];
        // SAFETY: pinned during the call, which writes one byte a page.
        fixed (byte* buffer = pages)
            NativeErrors.Check(NativeMethods.gpusvm_mirror_snapshot(Handle, address, (ulong)bytes, buffer));
        return pages;
    }

    /// <summary>Brings its pages home and ends it. It ends with its memory too.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        int status = NativeMethods.gpusvm_mirror_destroy(_handle);
        if (status is not ((int)StatusCode.Done or (int)StatusCode.InvalidHandle)) // If its memory has ended, so has it.
            throw NativeErrors.ExceptionFor(status);
    }

    /// <summary>The library's handle.</summary>
    private ulong Handle
    {
        get
        {
            ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this); // Pairs with Dispose.
            return _handle;
        }
    }
}
