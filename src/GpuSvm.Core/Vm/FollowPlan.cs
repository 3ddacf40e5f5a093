// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Vm;

/// <summary>What a prefetch policy wants beside a fault, and what of it came in the fault's own migration.</summary>
/// <param name="Home">The device to which the fault's range was moved or copied; null if it was not: then nothing follows.</param>
/// <param name="Range">The fault's range.</param>
/// <param name="Region">What the policy wants, the fault's page included; empty if it has not been asked yet.</param>
/// <param name="Come">The fault's range with the neighbours that came in the same migration; empty if there was none.</param>
internal readonly record struct FollowPlan(VmDevice? Home, AddressRange Range = default, AddressRange Region = default, AddressRange Come = default);
