// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Conformance;

/// <summary>A recorded run: steps in order, and a hash over what the CPU finds at the end.</summary>
/// <param name="Name">What to call it in reports, as a file's name.</param>
/// <param name="Steps">The steps.</param>
/// <param name="FinalHash">Over the pages as the CPU reads them at the end.</param>
public sealed record Trace(string Name, IReadOnlyList<TraceStep> Steps, uint FinalHash)
{
    /// <summary>How many pages the program works on.</summary>
    public const int AreaPages = 64;

    /// <summary>The last line of a trace with any hash.</summary>
    /// <param name="hash">The hash.</param>
    /// <returns>The line, without its end.</returns>
    public static string FinalLine(uint hash) => $"final {hash:x8}";
}
