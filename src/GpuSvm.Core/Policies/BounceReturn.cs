// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>
/// Brings whole allocations home, except while one bounces: what the CPU has called home several times in a row within a short time is wanted by both sides, and
/// then only the page that was touched comes, so that the other pages stay with the GPU.
/// </summary>
/// <param name="patience">Returns in a row after which pages come one by one.</param>
public sealed class BounceReturn(int patience = 4) : IReturnPolicy
{
    /// <inheritdoc/>
    public bool BringsWholeAllocation(in ReturnFacts facts) => facts.ReturnCount < patience;
}
