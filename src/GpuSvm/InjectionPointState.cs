// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>One place in the library where an operation can fail on purpose.</summary>
/// <param name="Name">Its name, for <see cref="FaultInjection.Arm"/>.</param>
/// <param name="Where">Who reaches it, and when.</param>
/// <param name="Hits">How often it was reached since hits are counted.</param>
/// <param name="Waiting">How many failures that were asked for have not come yet.</param>
public sealed record InjectionPointState(string Name, string Where, long Hits, int Waiting);
