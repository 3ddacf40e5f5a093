// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Linux.Interop;

namespace GpuSvm.Linux;

/// <summary>
/// Reads and writes the heap by way of the kernel, as a DMA engine would: a page that is gone is an answer, not a signal.
/// </summary>
/// <remarks>
/// The kernel would serve an absent page by a fault that waits for us, so presence is asked first. Between the question and the copy a page can
/// vanish only
/// by the program's own doing: madvise announces itself before the pages go and waits for the event gate, which our caller holds shut; after munmap
/// the call
/// answers EFAULT. Where a sandbox forbids process_vm_readv, /proc/self/mem does the same at half the speed.
/// </remarks>
internal sealed unsafe class RemoteAccess : IDisposable
{
    private const int ChunkBytes = PageSize.HugeBytes;

    private readonly Pagemap _pagemap;
    private readonly int _process = Environment.ProcessId;
    private int _memory = -1;

    /// <summary>Finds out which road is open.</summary>
    /// <param name="pagemap">Tells what is present; not owned.</param>
    internal RemoteAccess(Pagemap pagemap)
    {
        _pagemap = pagemap;
        byte from = 1;
        byte to = 0;

        // SAFETY: one byte of this frame each.
        var local = new IoVec { Base = (nint)(&to), Length = 1 };
        var remote = new IoVec { Base = (nint)(&from), Length = 1 };
        if (Libc.process_vm_readv(_process, &local, 1, &remote, 1, 0) != 1)
            _memory = Libc.open("/proc/self/mem", LinuxConstants.O_RDWR | LinuxConstants.O_CLOEXEC);
    }

    /// <summary>Whether the kernel lets a byte be read for somebody else: it does not where a mapping has no ordinary pages (VM_IO, VM_PFNMAP) or lies beyond the end of its file.</summary>
    /// <param name="address">The byte.</param>
    /// <returns>True if it does.</returns>
    internal bool CanReach(VirtualAddress address)
    {
        byte value;
        return Copy(address.Value, &value, 1, write: false); // SAFETY: one byte of this frame.
    }

    /// <summary>Copies between the heap and private memory.</summary>
    /// <param name="address">First byte in the heap.</param>
    /// <param name="buffer">First byte in private memory. SAFETY: pinned by the caller, at least <paramref name="bytes"/> long.</param>
    /// <param name="bytes">Length.</param>
    /// <param name="write">Whether into the heap.</param>
    /// <returns>Done, or NotMapped: what lies before the first absent page may have been copied.</returns>
    internal SvmStatus Transfer(VirtualAddress address, byte* buffer, long bytes, bool write)
    {
        for (long done = 0; done < bytes;)
        {
            // Chunks end on 2 MiB boundaries, so that each is asked for and copied as one.
            ulong at = address.Value + (ulong)done;
            long length = Math.Min(bytes - done, ChunkBytes - (long)(at & (ChunkBytes - 1)));
            if (!IsPresent(at, at + (ulong)length) || !Copy(at, buffer + done, length, write))
                return SvmStatus.NotMapped;
            done += length;
        }

        return SvmStatus.Done;
    }

    /// <summary>Closes what it opened.</summary>
    public void Dispose()
    {
        int descriptor = Interlocked.Exchange(ref _memory, -1); // Pairs with itself: closed once.
        if (descriptor >= 0)
            _ = Libc.close(descriptor);
    }

    /// <summary>Whether every page of an interval is there.</summary>
    /// <param name="start">First byte, any alignment.</param>
    /// <param name="end">First byte after.</param>
    /// <returns>True if no touch would fault to us.</returns>
    private bool IsPresent(ulong start, ulong end)
    {
        // SAFETY: the array lives on this frame.
        const int Capacity = 32;
        PageRegion* regions = stackalloc PageRegion[Capacity];
        ulong at = start & ~((ulong)PageSize.Bytes - 1);
        end = (end + PageSize.Bytes - 1) & ~((ulong)PageSize.Bytes - 1);
        while (at < end)
        {
            int found = _pagemap.Scan(at, end, regions, Capacity, out _);
            if (found <= 0)
                return false;
            for (int i = 0; i < found; i++)
            {
                if (regions[i].Start != at)
                    return false;
                at = regions[i].End;
            }
        }

        return true;
    }

    /// <summary>One copy.</summary>
    /// <param name="at">First byte in the heap.</param>
    /// <param name="buffer">First byte in private memory.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="write">Whether into the heap.</param>
    /// <returns>False if the kernel could not copy all.</returns>
    private bool Copy(ulong at, byte* buffer, long length, bool write)
    {
        if (_memory >= 0)
        {
            return length == (write
                ? Libc.pwrite(_memory, buffer, (nuint)length, (long)at)
                : Libc.pread(_memory, buffer, (nuint)length, (long)at));
        }

        // SAFETY: both structures live on this frame; the kernel checks the heap's side.
        var local = new IoVec { Base = (nint)buffer, Length = (nuint)length };
        var remote = new IoVec { Base = (nint)at, Length = (nuint)length };
        return length == (write
            ? Libc.process_vm_writev(_process, &local, 1, &remote, 1, 0)
            : Libc.process_vm_readv(_process, &local, 1, &remote, 1, 0));
    }
}
