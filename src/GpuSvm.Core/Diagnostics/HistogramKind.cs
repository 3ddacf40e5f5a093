// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Diagnostics;

/// <summary>What there are histograms of. Times are in nanoseconds. The numbers are those of gpusvm.h.</summary>
public enum HistogramKind
{
    /// <summary>Service of one GPU fault, from the handler's call to its end. Xe has the sum: svm_*_pagefault_us.</summary>
    GpuFault = 0,

    /// <summary>Finding or inserting the range, one pass.</summary>
    Find = 1,

    /// <summary>Evicting and migrating, one pass. Xe: svm_*_migrate_us.</summary>
    Migrate = 2,

    /// <summary>Faulting in and mapping for the device, one pass. Xe: svm_*_get_pages_us.</summary>
    GetPages = 3,

    /// <summary>Writing page-table entries, one pass. Xe: svm_*_bind_us.</summary>
    Bind = 4,

    /// <summary>Service of one CPU fault.</summary>
    CpuFault = 5,

    /// <summary>Telling the notifiers of one event that concerns any, with the wait for their flushes. Xe: svm_tlb_inval_us.</summary>
    Invalidation = 6,

    /// <summary>Bytes that one migration to a device brought.</summary>
    BytesToDevice = 7,

    /// <summary>Bytes that one migration to RAM brought.</summary>
    BytesToRam = 8,
}
