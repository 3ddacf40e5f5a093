// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Conformance;

/// <summary>A trace that is damaged, or none. The message names it, line and column, what was expected and what is there.</summary>
public sealed class TraceFormatException : Exception
{
    /// <summary>Makes the refusal.</summary>
    /// <param name="name">The trace.</param>
    /// <param name="line">The line, from 1.</param>
    /// <param name="column">The column, from 1.</param>
    /// <param name="expected">What should stand there.</param>
    /// <param name="found">What stands there.</param>
    public TraceFormatException(string name, int line, int column, string expected, string found)
        : base($"{name}, line {line}, column {column}: expected {expected}, found {found}")
    {
        Line = line;
        Column = column;
    }

    /// <summary>The line, from 1.</summary>
    public int Line { get; }

    /// <summary>The column, from 1.</summary>
    public int Column { get; }
}
