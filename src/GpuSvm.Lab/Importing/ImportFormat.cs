// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Importing;

/// <summary>What other tools write, and an import reads. docs/importing.md says how each is told from the others, and what becomes of it.</summary>
public enum ImportFormat
{
    /// <summary>Addresses, one a line, with or without read or write and a size; also the accesses that valgrind's lackey prints.</summary>
    AddressList,

    /// <summary>Events of AMD's KFD SMI interface.</summary>
    KfdSmi,

    /// <summary>What nvprof prints with --print-gpu-trace, as text or with --csv.</summary>
    Nvprof,

    /// <summary>A kernel log with the lines of the Xe driver's SVM.</summary>
    XeLog,

    /// <summary>A SQLite export of Nsight Systems.</summary>
    Nsight,

    /// <summary>Access, allocation and kernel files of UVM Smart.</summary>
    UvmSmart,

    /// <summary>The fault log of uvm-eval's driver.</summary>
    UvmEval,

    /// <summary>User-space page faults of the kernel's tracepoint, as ftrace or perf script print them.</summary>
    PageFaultLog,

    /// <summary>Activity records of unified memory and kernels as CUPTI's samples print them.</summary>
    Cupti,

    /// <summary>The summary of unified memory that ROCm's profiler writes as JSON.</summary>
    RocmSummary,

    /// <summary>The SVM counters of the Xe driver, read once, or before a run and after it.</summary>
    XeStats,
}
