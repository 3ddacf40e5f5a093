// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Policies;

/// <summary>Decides which pages come to a device because it uses them often where they are. Given facts, never locks.</summary>
public interface IAccessCounterPolicy
{
    /// <summary>Accesses of a region after which the policy is asked, 1 to 65535. UVM: uvm_perf_access_counter_threshold.</summary>
    int Threshold { get; }

    /// <summary>The size of the regions: 64 KiB or 2 MiB.</summary>
    PageOrder Granularity { get; }

    /// <summary>Notifications that are taken from the device at once, 1 to 4096. UVM: uvm_perf_access_counter_batch_count.</summary>
    int Batch { get; }

    /// <summary>Whether accesses of the device's own memory count too: for policies that want to hear of them. It makes each of them dearer.</summary>
    bool CountsOwnMemory => false;

    /// <summary>What to do with a region.</summary>
    /// <param name="facts">What is known.</param>
    /// <returns>The answer.</returns>
    /// <remarks>Called on a thread of its own, with locks held: must not wait, throw or call the VM. Asked only of what may come and is not there.</remarks>
    AccessCounterAction Answer(in AccessCounterFacts facts);
}
