// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>How to open a <see cref="SharedMemory"/>. The defaults suit a first program.</summary>
/// <remarks>The values are read once, when the memory is opened: later changes reach only memories opened later.</remarks>
public sealed partial record SharedMemoryOptions
{
    /// <summary>Which memory: <see cref="MemoryKind.Real"/> fails where the machine does not allow it, <see cref="MemoryKind.Auto"/> falls back to portable.</summary>
    public MemoryKind Memory { get; set; } = MemoryKind.Auto;

    /// <summary>Software GPUs, 1 to 8, all able to reach each other's memory. <see cref="SharedMemory.CreateQueue"/> chooses one for launches.</summary>
    public int DeviceCount { get; set; } = 1;

    /// <summary>Each software GPU's memory in bytes: a multiple of 4096, at least 4096. It may be far smaller than the data.</summary>
    public long DeviceMemoryBytes { get; set; } = 256L << 20;

    /// <summary>The most shared memory that can be allocated, in bytes. Address space only; nothing is used before it is touched.</summary>
    public long CapacityBytes { get; set; } = 64L << 30;

    /// <summary>Threads that run kernels, 1 to 256; 0 for one a processor.</summary>
    public int ComputeUnits { get; set; }

    /// <summary>The largest piece that migrates at once, in bytes: 4096, 65536 or 2097152.</summary>
    public int LargestChunkBytes { get; set; } = 2 << 20;

    /// <summary>The most that the CPU's first touch of fresh memory makes present at once, in bytes: 4096, 65536 or 2097152. Small where arrays are large and only few of their pages are ever used.</summary>
    public int FirstTouchBytes { get; set; } = 2 << 20;

    /// <summary>Whether pages move to the device when it touches them; otherwise the device maps them where they are.</summary>
    public bool Migrate { get; set; } = true;

    /// <summary>What else comes to the device beside the piece that a fault moves. Of use where <see cref="LargestChunkBytes"/> is smaller than 2 MiB.</summary>
    public PrefetchPolicy Prefetch { get; set; }

    /// <summary>What leaves when the device is full.</summary>
    public EvictionPolicy Eviction { get; set; }

    /// <summary>Whether `gpusvm top` may watch this memory, through a Unix socket that only this user can open; null for what the environment's GPUSVM_MONITOR says (1 is on).</summary>
    public bool? Monitor { get; set; }

    /// <summary>The file into which the memory is recorded from its opening to its end, overwritten; null for what the environment's GPUSVM_TRACE says. See <see cref="SharedMemory.StartTrace"/>.</summary>
    public string? TracePath { get; set; }

    /// <summary>What a child gets that native code of the process forks. Programs started by <see cref="System.Diagnostics.Process"/> are not such children, and cost nothing.</summary>
    public ForkMode Forks { get; set; }

    /// <summary>Device memory in bytes that is kept free by evicting ahead of need, at most half of it; 0, the default, for none. For programs that stream through more than the device holds.</summary>
    public long KeepFreeBytes { get; set; }

    /// <summary>What becomes of pages that go to and fro.</summary>
    public ThrashPolicy Thrash { get; set; }

    /// <summary>Which pages come to the device because it often uses them in system memory; with <see cref="Migrate"/> false, the only ones that come. Has no effect on portable memory.</summary>
    public AccessCounterPolicy AccessCounters { get; set; }

    /// <summary>Whether the device raises no faults, as many GPUs cannot: then launches name the arrays that they use
    /// (<see cref="SharedMemory.Launch(KernelBody, nint, IReadOnlyList{ArrayUse})"/>), and anything else that a kernel touches is an error.</summary>
    public bool WithoutFaults { get; set; }
}
