// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Vm;

namespace GpuSvm.Lab.Advising;

/// <summary>Something that a program can wish of a piece of its memory, with the words that it is said in.</summary>
/// <param name="Name">What the tool calls it.</param>
/// <param name="Kind">What it decides: of wishes of one kind there is one for an interval.</param>
/// <param name="Words">What it means.</param>
/// <param name="Apply">Adds it to the advice for an interval.</param>
/// <param name="Native">The field of gpusvm_advice that says it, with its value.</param>
/// <param name="Managed">The property of the .NET package's MemoryAdvice that says it, with its value.</param>
public sealed record IntervalWish(string Name, string Kind, string Words, Func<MemoryAdvice, MemoryAdvice> Apply, string Native, string Managed)
{
    /// <summary>All that a replay can tell apart on one device.</summary>
    public static IReadOnlyList<IntervalWish> All { get; } =
    [
        new("prefer-device", "location", "comes to the device and stays", advice => advice with { Preferred = PreferredLocation.OnDevice(0) }, ".preferred = GPUSVM_PREFERRED_DEVICE", "Preferred = PreferredLocation.Device"),
        new("prefer-system", "location", "is used where it is, in RAM", advice => advice with { Preferred = PreferredLocation.System }, ".preferred = GPUSVM_PREFERRED_SYSTEM", "Preferred = PreferredLocation.System"),
        new("never-migrate", "location", "stays in RAM whoever touches it, without copies", advice => advice with { NeverMigrate = true }, ".never_migrate = GPUSVM_SWITCH_ON", "NeverMigrate = true"),
        new("read-mostly", "copies", "has a copy on both sides until somebody writes", advice => advice with { IsReadMostly = true }, ".read_mostly = GPUSVM_SWITCH_ON", "IsReadMostly = true"),
        new("pinned", "pinning", "leaves the device after everything else", advice => advice with { IsPinned = true }, ".pinned = GPUSVM_SWITCH_ON", "IsPinned = true"),
        new("move-64K", "granularity", "moves by 64 KiB", advice => advice with { Granularity = PageOrder.Medium }, ".granularity_bytes = 65536", "GranularityBytes = 65536"),
        new("move-4K", "granularity", "moves by 4 KiB", advice => advice with { Granularity = PageOrder.Small }, ".granularity_bytes = 4096", "GranularityBytes = 4096"),
    ];

    /// <summary>Finds one.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The wish; null if there is none of that name.</returns>
    public static IntervalWish? Find(string name) => All.FirstOrDefault(wish => wish.Name == name);
}
