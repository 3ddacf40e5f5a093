// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Locking;

/// <summary>
/// The order of all locks, outer to inner: whoever holds a lock may take only locks of a higher rank. Waits are ranked too. This table is the
/// only place where the order is said; docs/locks.md lists what each lock guards.
/// </summary>
public enum LockRank
{
    /// <summary>The lookup of a device's pagemap, so that missing and making are one step. Kernel: drm_pagemap_cache.lookup_mutex.</summary>
    Pagemaps = 5,

    /// <summary>A GPU address space: faults share it; bind, attribute change and collection own it. Kernel: xe vm->lock.</summary>
    Vm = 10,

    /// <summary>One fault works on a range at a time.</summary>
    Range = 20,

    /// <summary>The host address space (the mm): faults and migrations share it; mapping changes own it. Kernel: mmap_lock.</summary>
    Host = 30,

    /// <summary>Waiting for a running invalidation, ranked like a lock. Kernel: the pseudo-lock of mmu_interval_read_begin.</summary>
    Invalidation = 40,

    /// <summary>The running jobs of a VM without faults, and whether its queues are stopped for them. Kernel: process_info->lock and evicted_ranges of amdkfd.</summary>
    Jobs = 45,

    /// <summary>One per notifier window; whatever it guards is written only under its write side. Kernel: notifier_lock.</summary>
    Notifier = 50,

    /// <summary>A device's page table.</summary>
    PageTable = 60,

    /// <summary>A device's memory allocator and lists of allocations.</summary>
    DeviceMemory = 70,

    /// <summary>The queue of ranges to collect; usable under the notifier lock.</summary>
    CollectorQueue = 80,

    /// <summary>The page states of the host address space, and the gate in which a host memory reads events: it may take its own leaf locks inside.</summary>
    PageState = 85,

    /// <summary>Notifier subscriptions and other small locks that take nothing further.</summary>
    Leaf = 90,
}
