// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Advising;

/// <summary>How what was found does under another cost model or seed.</summary>
/// <param name="CostModel">The cost model.</param>
/// <param name="Seed">The seed.</param>
/// <param name="DefaultNanoseconds">The modelled time with the defaults; null where it cannot be replayed.</param>
/// <param name="AdvisedNanoseconds">With what was found; likewise.</param>
public sealed record AdviceCheck(string CostModel, long Seed, double? DefaultNanoseconds, double? AdvisedNanoseconds)
{
    /// <summary>How many times as fast it is: below 1 where it is slower; null where that cannot be told.</summary>
    public double? Speedup => DefaultNanoseconds / AdvisedNanoseconds;
}
