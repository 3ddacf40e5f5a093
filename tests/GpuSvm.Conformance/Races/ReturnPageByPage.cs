// SPDX-License-Identifier: MIT
using GpuSvm.Core.Policies;

namespace GpuSvm.Conformance.Races;

/// <summary>A CPU touch brings its page home and nothing with it.</summary>
public sealed class ReturnPageByPage : IReturnPolicy
{
    /// <inheritdoc/>
    public bool BringsWholeAllocation(in ReturnFacts facts) => false;
}
