// SPDX-License-Identifier: MIT
namespace GpuSvm.Linux;

/// <summary>How to set a <see cref="UserfaultHostMemory"/> up. The defaults suit a program with a heap of up to some tens of gigabytes.</summary>
public sealed record UserfaultOptions
{
    /// <summary>Address space for the heap, in bytes; rounded up to 2 MiB. It costs nothing until it is allocated. Default 64 GiB.</summary>
    public long CapacityBytes { get; init; } = 64L << 30;

    /// <summary>Threads that serve CPU faults, 1 to 64. One is best where programs fault from one or two threads at a time.</summary>
    public int ServiceThreads { get; init; } = 1;

    /// <summary>
    /// The CPU the service threads are bound to, or null for the scheduler's choice. On a virtual machine a handler on the faulting thread's own
    /// CPU answers in some 6 us, on another CPU in some 100 us.
    /// </summary>
    public int? ServiceCpu { get; init; }

    /// <summary>
    /// Whether changes of the heap made behind our back (munmap, madvise) are announced. Off, faults are read without passing the client's event
    /// gate, about a
    /// microsecond sooner, and such a change loses the pages that a device holds.
    /// </summary>
    public bool MappingEvents { get; init; } = true;

    /// <summary>Whether to use 2 MiB pages where the kernel has them.</summary>
    public bool HugePages { get; init; } = true;

    /// <summary>
    /// Whether to go on with a descriptor that serves faults of user mode only, if no better one can be had. System calls that touch an absent page
    /// (a read into
    /// shared memory) then fail with EFAULT, which ordinary programs do not expect; so the default is no.
    /// </summary>
    public bool AllowUserModeOnly { get; init; }

    /// <summary>Filled staging blocks of 2 MiB that are kept for reuse.</summary>
    public int PooledHugeBlocks { get; init; } = 16;

    /// <summary>Bytes of filled staging blocks kept for reuse, for each smaller order.</summary>
    public long PooledBytesPerOrder { get; init; } = 8L << 20;

    /// <summary>Most staging blocks that callers may have at once, to bound memory in flight; null for what the staging area's address space
    /// holds.</summary>
    public int? MaxStagingBlocks { get; init; }

    /// <summary>Checks the values.</summary>
    /// <exception cref="ArgumentOutOfRangeException">One is out of its range; the message names it.</exception>
    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(CapacityBytes, 4L << 20, nameof(CapacityBytes));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(CapacityBytes, 1L << 45, nameof(CapacityBytes));
        ArgumentOutOfRangeException.ThrowIfLessThan(ServiceThreads, 1, nameof(ServiceThreads));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ServiceThreads, 64, nameof(ServiceThreads));
        ArgumentOutOfRangeException.ThrowIfNegative(PooledHugeBlocks, nameof(PooledHugeBlocks));
        ArgumentOutOfRangeException.ThrowIfNegative(PooledBytesPerOrder, nameof(PooledBytesPerOrder));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxStagingBlocks ?? 1, 1, nameof(MaxStagingBlocks));
        if (ServiceCpu is int cpu && (cpu < 0 || cpu >= 1024))
            throw new ArgumentOutOfRangeException(nameof(ServiceCpu), cpu, "A CPU number from 0 to 1023 is wanted.");
    }
}
