// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Bench;

/// <summary>What so many ranges cost in one of the two ways.</summary>
/// <param name="Insert">Nanoseconds for finding that there is none and inserting one.</param>
/// <param name="Find">Nanoseconds for finding one.</param>
/// <param name="Remove">Nanoseconds for removing one.</param>
/// <param name="Bytes">Bytes for each.</param>
internal readonly record struct RangeTimes(double Insert, double Find, double Remove, double Bytes);
