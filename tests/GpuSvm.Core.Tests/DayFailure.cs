// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Tests;

/// <summary>What went wrong in a day's history.</summary>
/// <param name="Number">The operation.</param>
/// <param name="Exception">How.</param>
/// <param name="Lines">The last operations, that one included.</param>
internal sealed record DayFailure(int Number, Exception Exception, string[] Lines);
