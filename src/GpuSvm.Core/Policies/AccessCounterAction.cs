// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>What an access counter policy can do with a region that a device uses often where it is.</summary>
public enum AccessCounterAction
{
    /// <summary>It stays where it is; the policy is asked again after twice as many accesses as this time.</summary>
    Leave,

    /// <summary>It stays where it is; the policy is asked again after 4096 times the threshold.</summary>
    Stay,

    /// <summary>What the device has mapped of it elsewhere comes to the device.</summary>
    Migrate,
}
