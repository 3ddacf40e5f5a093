// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>What an access counter policy is told about a region that a device uses often; a snapshot. Of the parts that advice or the thrash policy keeps where they are it is told nothing.</summary>
/// <param name="Accesses">Accesses counted since the policy was asked last, or since the pages came or went.</param>
/// <param name="Refusals">How often in a row it was asked and nothing came: each has doubled the accesses until the next time, twelve times at the most.</param>
/// <param name="RemoteBytes">What the device has mapped elsewhere and would get.</param>
/// <param name="PeerBytes">Of these, on other devices of the VM; the rest is in RAM.</param>
/// <param name="HereBytes">What the device has mapped in its own memory.</param>
/// <param name="FreeBytes">Device memory that is free: with less than <paramref name="RemoteBytes"/> something has to leave.</param>
/// <param name="ReturnCount">How often in a row pages of it left a device against the GPU's will, each within 50 ms of the one before.</param>
/// <param name="SinceReturn">Since they last did; <see cref="TimeSpan.MaxValue"/> for never.</param>
/// <param name="Undone">How often in a row pages that came because of this policy left within 100 ms.</param>
/// <param name="IsAccessedBy">Whether the program has advised that this device accesses them often: they rather stay.</param>
public readonly record struct AccessCounterFacts(
    long Accesses, int Refusals, long RemoteBytes, long PeerBytes, long HereBytes, long FreeBytes, int ReturnCount, TimeSpan SinceReturn, int Undone, bool IsAccessedBy);
