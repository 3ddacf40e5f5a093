// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>
/// Native memory that the process already had and that devices share, made by <see cref="SharedMemory.Attach"/>: its addresses stay what they are, for both sides.
/// </summary>
/// <remarks>
/// Kernels reach it through <see cref="KernelContext"/> by its addresses. Pages that lie wholly inside and are the process's alone (<c>NativeMemory.Alloc</c>, <c>malloc</c>, anonymous <c>mmap</c>) move to devices and
/// back; others (files, shared memory, pages at the ends) devices use where they are. docs/real-memory.md tells what a program may do with it meanwhile.
/// </remarks>
public sealed class AttachedMemory : IDisposable
{
    private readonly SharedMemory _memory;
    private int _disposed; // Interlocked.

    /// <summary>Wraps memory that has been attached.</summary>
    /// <param name="memory">Where.</param>
    /// <param name="address">Its first byte.</param>
    /// <param name="bytes">Its length.</param>
    internal AttachedMemory(SharedMemory memory, nint address, nint bytes) => (_memory, Address, Bytes) = (memory, address, bytes);

    /// <summary>Its first byte, on both sides.</summary>
    public nint Address { get; }

    /// <summary>Its length in bytes.</summary>
    public nint Bytes { get; }

    /// <summary>Says that a launch uses it, for launches in a memory without faults.</summary>
    /// <param name="access">The strongest access.</param>
    /// <returns>What the launch is given.</returns>
    public ArrayUse Use(KernelAccess access = KernelAccess.Write)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this); // Pairs with Dispose.
        return new ArrayUse(Address, Bytes, access);
    }

    /// <summary>Moves the pages that lie wholly inside now.</summary>
    /// <param name="location">Where to.</param>
    /// <returns>Bytes that really moved.</returns>
    /// <exception cref="SharedMemoryException"><see cref="StatusCode.NotMigratable"/>: it is used where it is (a file, shared memory, attached in place), so some of it or nothing has moved.</exception>
    public nint Prefetch(MemoryLocation location)
    {
        const nint pageBytes = 4096;
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this); // Pairs with Dispose.
        nint start = (Address + pageBytes - 1) & ~(pageBytes - 1);
        nint end = (Address + Bytes) & ~(pageBytes - 1);
        return end > start ? _memory.Prefetch(start, end - start, location) : 0;
    }

    /// <summary>Brings every page home, with every byte, and ends the sharing. The memory itself stays the program's, to be freed afterwards.</summary>
    /// <exception cref="SharedMemoryException">A page could not come home: launches go on taking it, or there is no memory. It is attached as before; try again.</exception>
    public void Dispose()
    {
        if (ManagedKernel.IsInside)
            throw new InvalidOperationException("A kernel cannot detach memory: it is one of those that must be done with it.");
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        try
        {
            _memory.Detach(this);
        }
        catch
        {
            Volatile.Write(ref _disposed, 0); // Pairs with the reads: it is still attached.
            throw;
        }
    }
}
