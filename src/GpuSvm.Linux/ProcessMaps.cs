// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Linux.Interop;

namespace GpuSvm.Linux;

/// <summary>/proc/self/maps, asked for one address at a time by PROCMAP_QUERY: what the kernel's own list of mappings says, which no event tells (mprotect raises none).</summary>
internal sealed unsafe class ProcessMaps : IDisposable
{
    private const ulong Readable = 1;
    private const ulong Writable = 2;
    private const ulong Shared = 8;

    private int _descriptor;

    /// <summary>Opens the file, and finds out whether this kernel answers (6.11 and later).</summary>
    internal ProcessMaps()
    {
        _descriptor = Libc.open("/proc/self/maps", LinuxConstants.O_RDONLY | LinuxConstants.O_CLOEXEC);
        byte here;
        IsAvailable = _descriptor >= 0 && TryFind((ulong)&here, out _);
    }

    /// <summary>Whether this kernel answers. Where it does not, protections that the program changes are not heard of, and memory that it already has cannot be attached.</summary>
    internal bool IsAvailable { get; }

    /// <summary>Finds the first mapping that ends above an address.</summary>
    /// <param name="address">Any address.</param>
    /// <param name="mapping">The mapping; it may begin above the address.</param>
    /// <returns>False if there is none.</returns>
    internal bool TryFind(ulong address, out KernelMapping mapping)
    {
        // SAFETY: the structure lives on this stack frame for the whole call.
        var query = new ProcmapQuery { Size = (ulong)sizeof(ProcmapQuery), QueryFlags = PagemapConstants.PROCMAP_QUERY_COVERING_OR_NEXT_VMA, QueryAddress = address };
        mapping = default;
        if (Libc.ioctl(_descriptor, PagemapConstants.PROCMAP_QUERY, &query) != 0)
            return false;
        mapping = new KernelMapping(
            new AddressRange(new VirtualAddress(query.VmaStart), new VirtualAddress(query.VmaEnd)),
            (query.VmaFlags & Readable) != 0,
            (query.VmaFlags & Writable) != 0,
            (query.VmaFlags & Shared) == 0 && query.Inode == 0 && query.VmaPageSize == PageSize.Bytes);
        return true;
    }

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        int descriptor = Interlocked.Exchange(ref _descriptor, -1); // Pairs with itself: closed once.
        if (descriptor >= 0)
            _ = Libc.close(descriptor);
    }
}
