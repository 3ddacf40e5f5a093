// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Conformance;

/// <summary>
/// What a backend gives so that the host memory suites can run on it: how to make one, and how its program touches it. A backend's test project holds one
/// such class and one small class for each suite.
/// </summary>
/// <remarks>
/// On real memory the accesses must be ordinary P/Invoke calls (the C library's memcpy): the test's runtime also serves the faults, and a thread stopped in
/// managed code inside a fault would keep the collector, and with it the service, waiting.
/// </remarks>
public abstract class HostMemoryFixture
{
    /// <summary>Why this machine cannot run the backend, for the skip message ("needs userfaultfd: ..."); null if it can.</summary>
    public virtual string? Unavailable => null;

    /// <summary>Whether an access that cannot be served comes back as a status. Real memory raises a signal instead, which ends the test process.</summary>
    public virtual bool ReportsSignals => false;

    /// <summary>Makes a memory with room for at least 16 MiB; the suite connects a client and disposes it.</summary>
    /// <returns>The memory.</returns>
    public abstract IHostMemory Create();

    /// <summary>Makes a memory for races: where its own threads serve faults there are at least two, so that one may be held while another works.</summary>
    /// <returns>The memory.</returns>
    public virtual IHostMemory CreateForRaces() => Create();

    /// <summary>Makes a memory that announces changes of protection.</summary>
    /// <returns>The memory, or null if this backend hears of none.</returns>
    public virtual IHostMemory? CreateAnnouncingProtection() => null;

    /// <summary>Makes a memory that has only so many staging blocks.</summary>
    /// <param name="blocks">At least 1.</param>
    /// <returns>The memory, or null if this backend cannot be limited so.</returns>
    public virtual IHostMemory? CreateWithStaging(int blocks) => null;

    /// <summary>Makes a memory that has only so many pages in all.</summary>
    /// <param name="pages">At least 1.</param>
    /// <returns>The memory, or null if this backend cannot be limited so.</returns>
    public virtual IHostMemory? CreateWithPages(int pages) => null;

    /// <summary>The calling thread, as a program thread, loads bytes.</summary>
    /// <param name="memory">A memory made here.</param>
    /// <param name="address">The first byte.</param>
    /// <param name="destination">Where to.</param>
    /// <returns><see cref="SvmStatus.Done"/>; anything else stands for a signal, see <see cref="ReportsSignals"/>.</returns>
    public abstract SvmStatus CpuRead(IHostMemory memory, VirtualAddress address, Span<byte> destination);

    /// <summary>The calling thread, as a program thread, stores bytes.</summary>
    /// <param name="memory">A memory made here.</param>
    /// <param name="address">The first byte.</param>
    /// <param name="source">The bytes.</param>
    /// <returns>As <see cref="CpuRead"/>.</returns>
    public abstract SvmStatus CpuWrite(IHostMemory memory, VirtualAddress address, ReadOnlySpan<byte> source);

    /// <summary>Reads through a pointer that <see cref="IHostMemory.Query"/> gave for present pages, as a DMA engine would.</summary>
    /// <param name="memory">A memory made here.</param>
    /// <param name="source">The pointer.</param>
    /// <param name="destination">Where to.</param>
    public virtual void DmaRead(IHostMemory memory, DmaPointer source, Span<byte> destination) => DmaBytes.Read(source, destination);

    /// <summary>Writes through a pointer that <see cref="IHostMemory.Query"/> gave for present pages, as a DMA engine would.</summary>
    /// <param name="memory">A memory made here.</param>
    /// <param name="destination">The pointer.</param>
    /// <param name="source">The bytes.</param>
    public virtual void DmaWrite(IHostMemory memory, DmaPointer destination, ReadOnlySpan<byte> source) => DmaBytes.Write(destination, source);

    /// <summary>The program unmaps an interval behind the library's back (munmap).</summary>
    /// <param name="memory">A memory made here.</param>
    /// <param name="interval">A page-aligned interval.</param>
    /// <returns>False if this backend's program cannot do that.</returns>
    public virtual bool TryUnmap(IHostMemory memory, AddressRange interval) => false;

    /// <summary>The program gives an interval's contents up behind the library's back (madvise).</summary>
    /// <param name="memory">A memory made here.</param>
    /// <param name="interval">A page-aligned interval.</param>
    /// <returns>False if this backend's program cannot do that.</returns>
    public virtual bool TryDontNeed(IHostMemory memory, AddressRange interval) => false;

    /// <summary>The program maps fresh memory over an interval (mmap with MAP_FIXED).</summary>
    /// <param name="memory">A memory made here.</param>
    /// <param name="interval">A page-aligned interval.</param>
    /// <param name="isShared">Whether devices may use the new memory.</param>
    /// <returns>False if this backend's program cannot do that.</returns>
    public virtual bool TryMapAnew(IHostMemory memory, AddressRange interval, out bool isShared)
    {
        isShared = false;
        return false;
    }

    /// <summary>The program moves pages to another address (mremap).</summary>
    /// <param name="memory">A memory made here.</param>
    /// <param name="from">A page-aligned interval.</param>
    /// <param name="to">Where they are then; the program unmaps them there.</param>
    /// <param name="isShared">Whether devices may use them there.</param>
    /// <returns>False if this backend's program cannot do that.</returns>
    public virtual bool TryMove(IHostMemory memory, AddressRange from, out AddressRange to, out bool isShared)
    {
        to = default;
        isShared = false;
        return false;
    }

    /// <summary>The program changes what it may do with an interval (mprotect).</summary>
    /// <param name="memory">A memory made here.</param>
    /// <param name="interval">A page-aligned interval.</param>
    /// <param name="writable">Whether it may write; it may read anyway.</param>
    /// <returns>False if this backend's program cannot do that.</returns>
    public virtual bool TryProtect(IHostMemory memory, AddressRange interval, bool writable) => false;

    /// <summary>A forked child of the program loads a byte.</summary>
    /// <param name="memory">A memory made here.</param>
    /// <param name="address">The byte.</param>
    /// <returns>0, or the signal that ended the child; null if this backend's program has no children.</returns>
    public virtual int? SignalOfChild(IHostMemory memory, VirtualAddress address) => null;

    /// <summary>Checks at the end of a test that the memory leaked nothing, as far as it can tell.</summary>
    /// <param name="memory">A memory made here, with nothing allocated any more.</param>
    public virtual void VerifyNoLeaks(IHostMemory memory)
    {
    }
}
