// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Scenarios;

/// <summary>A scenario's text cannot be read.</summary>
/// <param name="line">The line, from 1.</param>
/// <param name="message">What is wrong with it, and what would be right.</param>
public sealed class ScenarioFormatException(int line, string message) : FormatException($"line {line}: {message}")
{
    /// <summary>The line, from 1.</summary>
    public int Line { get; } = line;
}
