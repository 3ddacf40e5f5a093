// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation;

/// <summary>From where the client of a simulated memory watches the program: what it is asked for, and what it hears of.</summary>
public enum HostWatcher
{
    /// <summary>From user space, by userfaultfd: every page that is absent is asked for, mprotect and the replacing of the page of zeroes are not heard of, and mappings
    /// keep their shape.</summary>
    UserSpace,

    /// <summary>From inside the kernel, as a driver does by notifiers and device-private entries: only pages that it took itself are asked for, the machine serves all other
    /// faults page by page; every change of mappings and pages is heard of; and neighbouring mappings are merged as Linux merges them.</summary>
    Kernel,
}
