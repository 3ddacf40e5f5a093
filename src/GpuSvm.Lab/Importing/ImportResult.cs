// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Importing;

/// <summary>What an import came to.</summary>
/// <param name="Format">What the file was taken for.</param>
/// <param name="Records">Records that were given to the sink; all of them are good.</param>
/// <param name="Lines">Lines or rows that were read.</param>
/// <param name="Skipped">Of these, those that are none of the format's, such as the rest of a kernel log.</param>
/// <param name="Problem">Where and why reading stopped before the end, for people; empty if it did not.</param>
public sealed record ImportResult(ImportFormat Format, long Records, long Lines, long Skipped, string Problem);
