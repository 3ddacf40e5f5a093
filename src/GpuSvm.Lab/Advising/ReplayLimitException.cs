// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Advising;

/// <summary>Ends a replay that was to go only so far: not a failure.</summary>
public sealed class ReplayLimitException() : Exception("The replay was to go only so far.");
