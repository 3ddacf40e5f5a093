// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>What a program wishes of a piece of its memory, for <see cref="SharedMemory.Advise{T}(SharedArray{T}, in MemoryAdvice)"/>. What is null stays as it is.</summary>
public readonly record struct MemoryAdvice
{
    /// <summary>Where pages would rather be.</summary>
    public PreferredLocation? Preferred { get; init; }

    /// <summary>Whether it is mostly read: a kernel that reads gets a copy in device memory and the CPU goes on reading its own, neither faulting, until somebody writes. On portable memory it has no effect.</summary>
    public bool? IsReadMostly { get; init; }

    /// <summary>Whether pages stay in system memory whoever touches them. There are no copies of them either.</summary>
    public bool? NeverMigrate { get; init; }

    /// <summary>Whether evictions take other memory first.</summary>
    public bool? IsPinned { get; init; }

    /// <summary>Against whom atomic operations of kernels must hold.</summary>
    public AtomicMode? Atomics { get; init; }

    /// <summary>The most bytes that move together: a power of two from 4096 on; 1 leaves it to the library again.</summary>
    public long? GranularityBytes { get; init; }
}
