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

    /// <summary>Checks at the end of a test that the memory leaked nothing, as far as it can tell.</summary>
    /// <param name="memory">A memory made here, with nothing allocated any more.</param>
    public virtual void VerifyNoLeaks(IHostMemory memory)
    {
    }
}
