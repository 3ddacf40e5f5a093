// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Pagemaps;

/// <summary>Which list of an <see cref="AllocationList"/> an allocation is in.</summary>
internal enum AllocationAge
{
    /// <summary>In none.</summary>
    None,

    /// <summary>It has just come, and is probably still worked on.</summary>
    Fresh,

    /// <summary>It came before those, and shows now whether it is used again.</summary>
    Young,

    /// <summary>It is a candidate in the order of use.</summary>
    Settled,
}
