// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Graphs;

/// <summary>A graph file that is not one: which line, what was expected there, what stands there instead.</summary>
public sealed class GraphFormatException : Exception
{
    /// <summary>Makes the error for one line of the file.</summary>
    /// <param name="line">The line, counted from 1.</param>
    /// <param name="expected">What the reader wanted to see, as a noun phrase.</param>
    /// <param name="found">What stands there, already made printable; empty if the file ended.</param>
    public GraphFormatException(long line, string expected, string found)
        : base($"line {line}: expected {expected}, found {(found.Length == 0 ? "the end of the file" : found)}")
    {
        Line = line;
    }

    /// <summary>Makes the error for a graph that is too large, wherever that shows.</summary>
    /// <param name="message">What is too large, and what to do.</param>
    public GraphFormatException(string message)
        : base(message)
    {
    }

    /// <summary>The line that cannot be read, counted from 1; 0 if none is to blame.</summary>
    public long Line { get; }
}
