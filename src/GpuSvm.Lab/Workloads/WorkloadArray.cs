// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Lab.Workloads;

/// <summary>An array of a workload.</summary>
/// <param name="Start">Where it begins, on a boundary of 2 MiB.</param>
/// <param name="Bytes">How long it is.</param>
/// <param name="Name">What the program calls it.</param>
public readonly record struct WorkloadArray(VirtualAddress Start, long Bytes, string Name)
{
    /// <summary>The pages that it takes.</summary>
    public AddressRange Interval => AddressRange.OfPages(Start, PageSize.PagesFor(Bytes));
}
