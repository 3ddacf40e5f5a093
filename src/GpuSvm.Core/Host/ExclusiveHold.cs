// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Host;

/// <summary>Pages in RAM that one owner's devices have for themselves alone: the staging block that they lie in while no CPU thread can see them.</summary>
internal sealed class ExclusiveHold
{
    /// <summary>Whose devices.</summary>
    public int Owner { get; set; }

    /// <summary>The block. Null while the hold is free.</summary>
    public HostStaging? Staging { get; set; }

    /// <summary>How many pages are still in it. Guarded by the holds' lock.</summary>
    public int Pages { get; set; }

    /// <summary>Rises from hold to hold: the lowest is the oldest. Guarded by the holds' lock.</summary>
    public long Age { get; set; }
}
