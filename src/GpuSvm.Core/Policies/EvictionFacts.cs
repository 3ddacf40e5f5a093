// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Policies;

/// <summary>What an eviction policy is told about a candidate.</summary>
/// <param name="Bytes">The allocation's size.</param>
/// <param name="PagesLeft">How many of its pages are still in it.</param>
/// <param name="WasUsed">Whether the GPU has used it since it came, or since it was last spared: by a fault, or by an access, as far as the device tells.</param>
/// <param name="Spared">How many candidates have been spared before it in this search.</param>
public readonly record struct EvictionFacts(long Bytes, int PagesLeft, bool WasUsed, int Spared);
