// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Importing;

/// <summary>A line, or a row, that is not as its format wants it. The import that reads it says where it stands.</summary>
/// <param name="expected">What was wanted, as a noun phrase.</param>
/// <param name="found">What stands there, printable; empty if nothing does.</param>
internal sealed class ImportLineException(string expected, string found)
    : Exception($"expected {expected}, found {(found.Length == 0 ? "the end of the line" : found)}");
