// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Policies;

/// <summary>
/// Brings whole allocations home, except while a large one bounces: what the CPU has called home several times in a row within a short time is wanted by both sides, and
/// then only the page that was touched comes, so that the other pages stay with the GPU. A CPU that goes on to touch further pages of it wants the whole after all.
/// </summary>
/// <remarks>64 KiB come whole in any case: that takes twice as long as one page, and a CPU that wants two pages of them would lose by it (ping-pong: 1.4 times the time).</remarks>
/// <param name="patience">Returns in a row after which pages come one by one.</param>
public sealed class BounceReturn(int patience = 4) : IReturnPolicy
{
    private const int PagesForEachAlone = 128; // Of 2 MiB four pages come alone.

    /// <inheritdoc/>
    public bool BringsWholeAllocation(in ReturnFacts facts) =>
        facts.Bytes <= PageOrder.Medium.Bytes || facts.ReturnCount < patience || facts.PagesGone >= Math.Max(1, facts.Bytes / (PagesForEachAlone * PageSize.Bytes));
}
