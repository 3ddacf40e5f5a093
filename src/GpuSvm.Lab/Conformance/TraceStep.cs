// SPDX-License-Identifier: MIT
using System.Globalization;

namespace GpuSvm.Lab.Conformance;

/// <summary>One step of a trace: what was done, and what the kernel answered.</summary>
/// <param name="Operation">What is done.</param>
/// <param name="Device">The device that does it, 0 or 1; no matter for the CPU's and the program's steps.</param>
/// <param name="Page">The first page, counted from the start of the area.</param>
/// <param name="Pages">How many, at least 1.</param>
/// <param name="Value">What is written, or the protection.</param>
/// <param name="Answer">What the kernel answered.</param>
public sealed record TraceStep(TraceOperation Operation, int Device, int Page, int Pages, int Value, TraceAnswer Answer)
{
    /// <summary>The step as a line of a trace, with any answer.</summary>
    /// <param name="index">The step's number.</param>
    /// <param name="answer">The answer.</param>
    /// <returns>The line, without its end.</returns>
    public string Line(int index, TraceAnswer answer) =>
        string.Create(CultureInfo.InvariantCulture, $"{index,3} {TraceWords.Of(Operation),-11} d{Device} p{Page,-2} n{Pages,-2} v{Value,-3} -> {answer}");
}
