// SPDX-License-Identifier: MIT
using System.ComponentModel;
using System.Runtime.InteropServices;

namespace GpuSvm.Cli.Interop;

/// <summary>
/// Private memory in huge pages where the system gives them: what floors are measured on, so that they do not lose to shared memory by the size of a
/// page.
/// </summary>
internal sealed unsafe class PrivateBuffer : IDisposable
{
    /// <summary>Bytes of a huge page; the mapping is made longer by one, so that the buffer can begin at one.</summary>
    private const long HugePageBytes = 2 << 20;

    /// <summary>The mapping; 0 after dispose.</summary>
    private nint _mapping;

    /// <summary>Maps and touches the memory, so that it is there and zero.</summary>
    /// <param name="bytes">At least 1.</param>
    /// <exception cref="InputException">The system refuses.</exception>
    public PrivateBuffer(long bytes)
    {
        Bytes = bytes;
        _mapping = Libc.mmap(0, (nuint)(bytes + HugePageBytes), Libc.PROT_READ | Libc.PROT_WRITE, Libc.MAP_PRIVATE | Libc.MAP_ANONYMOUS, -1, 0);
        if (_mapping == -1)
            throw new InputException($"{bytes} bytes of memory cannot be mapped: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}; try bench --quick");
        Address = (nint)((_mapping + HugePageBytes - 1) / HugePageBytes * HugePageBytes);

        // Advice only: without huge pages the figures are still right, and the table says which floor was measured.
        _ = Libc.madvise(Address, (nuint)bytes, Libc.MADV_HUGEPAGE);
        for (long start = 0; start < bytes; start += 1 << 30)
            Span<byte>(start, (int)Math.Min(1 << 30, bytes - start)).Fill(1);
    }

    /// <summary>Bytes.</summary>
    public long Bytes { get; }

    /// <summary>The first byte, 2 MiB aligned.</summary>
    public nint Address { get; }

    /// <summary>Some elements of the buffer.</summary>
    /// <param name="start">The first, counted in elements.</param>
    /// <param name="length">How many.</param>
    public Span<T> Span<T>(long start, int length)
        where T : unmanaged
    {
        ObjectDisposedException.ThrowIf(_mapping == 0, this);
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((start + length) * sizeof(T), Bytes, nameof(length));

        // SAFETY: inside the mapping, which this object owns until Dispose; callers do not keep spans beyond that.
        return new Span<T>((T*)Address + start, length);
    }

    /// <summary>Unmaps the memory; spans into it are invalid afterwards.</summary>
    public void Dispose()
    {
        if (_mapping == 0)
            return;
        _ = Libc.munmap(_mapping, (nuint)(Bytes + HugePageBytes));
        _mapping = 0;
    }
}
