// SPDX-License-Identifier: MIT
using System.Diagnostics.CodeAnalysis;

namespace GpuSvm.Core.Locking;

/// <summary>
/// Feature switches that turn the checking build of Core on. Off, the compiler folds every use away; there is one build of Core, no second flavour.
/// Test projects set them with RuntimeHostConfigurationOption.
/// </summary>
public static class CoreSwitches
{
    private static readonly bool _checks = AppContext.TryGetSwitch("GpuSvm.Checks", out bool on) && on;

    /// <summary>Lock order and held-checks, schedule points, injection points that count from the start: GpuSvm.Checks.</summary>
    [FeatureSwitchDefinition("GpuSvm.Checks")]
    public static bool Checks => _checks;
}
