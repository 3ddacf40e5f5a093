// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Simulation;

/// <summary>One mapping of the simulated program. Kernel: struct vm_area_struct.</summary>
/// <param name="Interval">Its interval, page aligned and not empty.</param>
/// <param name="Protection">What the program may do with it.</param>
/// <param name="IsAnonymous">False for a mapping of a file (whose bytes are all zero at first).</param>
/// <param name="IsSpecial">Whether it plays a device's registers: readable, but nothing a GPU may mirror.</param>
internal readonly record struct SimulatedMapping(AddressRange Interval, HostProtection Protection, bool IsAnonymous, bool IsSpecial = false)
{
    /// <summary>Whether no huge pages are wanted in it. Kernel: VM_NOHUGEPAGE.</summary>
    public bool IsSmallOnly { get; init; }

    /// <summary>Whether it keeps its shape whatever stands beside it: what the library allocated.</summary>
    public bool IsApart { get; init; }

    /// <summary>Whether its pages are promised for, so that they count as used before they are. Kernel: VM_ACCOUNT.</summary>
    public bool IsCharged { get; init; }

    /// <summary>Which family its pages belong to, once there is one: mappings cut from one another share it. 0 for none yet. Kernel: anon_vma.</summary>
    public int Family { get; init; }

    /// <summary>By how many pages its addresses differ from those at which its pages were made. Kernel: vm_pgoff of an anonymous mapping.</summary>
    public long MovedPages { get; init; }

    /// <summary>Whether loads are allowed.</summary>
    public bool IsReadable => Protection != HostProtection.None;

    /// <summary>Whether stores are allowed.</summary>
    public bool IsWritable => Protection == HostProtection.ReadWrite;

    /// <summary>Whether a mapping that begins where this one ends is of the same kind, but for what the program may do with it. Kernel: anon_vma_compatible.</summary>
    /// <param name="next">The mapping behind.</param>
    /// <returns>True if their pages may be of one family.</returns>
    public bool IsAlike(in SimulatedMapping next) =>
        Interval.End == next.Interval.Start && !IsApart && !next.IsApart && IsAnonymous && next.IsAnonymous && IsSpecial == next.IsSpecial
        && IsSmallOnly == next.IsSmallOnly && IsCharged == next.IsCharged && MovedPages == next.MovedPages;

    /// <summary>Whether a mapping that begins where this one ends may become one with it. Kernel: can_vma_merge_before.</summary>
    /// <param name="next">The mapping behind.</param>
    /// <returns>True if it may.</returns>
    public bool CanJoin(in SimulatedMapping next) =>
        IsAlike(next) && Protection == next.Protection && (Family == 0 || next.Family == 0 || Family == next.Family);

    /// <summary>The mapping with another protection, and charged as that wants it: what becomes writable is charged, what was never touched and is no longer writable is not.
    /// Kernel: mprotect_fixup.</summary>
    /// <param name="protection">The new protection.</param>
    /// <returns>The mapping.</returns>
    public SimulatedMapping Protected(HostProtection protection) => this with
    {
        Protection = protection,
        IsCharged = protection == HostProtection.ReadWrite || (IsCharged && Family != 0),
    };

    /// <summary>The mapping as the contract answers it.</summary>
    /// <returns>The same facts.</returns>
    public HostMapping ToHostMapping() => new(Interval, IsReadable, IsWritable, IsAnonymous, IsSpecial);
}
