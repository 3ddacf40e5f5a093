// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Vm;

/// <summary>Where a prefetch brings pages.</summary>
public enum PrefetchTarget
{
    /// <summary>To the VM's device.</summary>
    Device = 0,

    /// <summary>To RAM.</summary>
    System = 1,
}
