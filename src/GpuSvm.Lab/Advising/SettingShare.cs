// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Advising;

/// <summary>What one of the settings is worth.</summary>
/// <param name="Setting">The setting.</param>
/// <param name="LostNanoseconds">How much longer the trace takes when it alone is left out; negative where it is better left out; null where it cannot be replayed without it.</param>
public sealed record SettingShare(Setting Setting, double? LostNanoseconds);
