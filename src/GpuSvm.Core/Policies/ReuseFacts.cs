// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>What an eviction policy is told about the use of memory. Intervals are counted in pages that have come to the device meanwhile.</summary>
/// <param name="Age">How long the candidate that was not used for longest has not been used.</param>
/// <param name="Interval">After how long unused what was evicted has come back; 0 if hardly anything comes back.</param>
public readonly record struct ReuseFacts(long Age, long Interval);
