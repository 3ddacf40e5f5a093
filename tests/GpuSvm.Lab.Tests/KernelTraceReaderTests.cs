// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Conformance;

namespace GpuSvm.Lab.Tests;

/// <summary>Whole traces are read as they were written; damaged ones are refused where they are damaged.</summary>
public sealed class KernelTraceReaderTests
{
    private const string Good = "  0 cpu_write   d0 p5  n2  v9   -> 0\n  1 dev_read    d1 p5  n2  v0   -> 0 cp 2 f 1 h 0123abcd\n  2 snapshot    d0 p62 n2  v1   -> 0 cp 2 f 0 [00 ff]\nfinal 89abcdef\n";

    [Fact]
    public void WhatIsReadIsWhatWasWritten()
    {
        Trace trace = KernelTraceReader.Read("t", new StringReader(Good));
        string[] lines = [.. trace.Steps.Select((step, i) => step.Line(i, step.Answer)), Trace.FinalLine(trace.FinalHash)];
        Assert.Equal(Good, string.Join('\n', lines) + "\n");
    }

    [Theory]
    [InlineData("  0 cpu_write ", "  1 cpu_write ", 1, 3, "step 0")]
    [InlineData("cpu_write ", "cpu_wrote ", 1, 5, "an operation")]
    [InlineData("d1 p5", "d2 p5", 2, 18, "a device")]
    [InlineData("p62 n2 ", "p62 n3 ", 3, 25, "n1 to n2")]
    [InlineData("-> 0 cp 2 f 1", "> 0 cp 2 f 1", 2, 33, "'-> '")]
    [InlineData("h 0123abcd", "h 0123abc", 2, 49, "8 hexadecimal digits")]
    [InlineData("[00 ff]", "[00]", 3, 50, "' '")]
    [InlineData("[00 ff]", "[00 fg]", 3, 51, "2 hexadecimal digits")]
    [InlineData("-> 0\n", "-> 0 and\n", 1, 38, "the end of the line")]
    [InlineData("final 89abcdef", "final 89ABCDEF", 4, 7, "8 hexadecimal digits")]
    [InlineData("final 89abcdef\n", "", 4, 1, "'final'")]
    [InlineData("89abcdef\n", "89abcdef\nmore\n", 5, 1, "the end of the file")]
    public void ADamagedTraceIsRefusedWithLineAndColumn(string from, string to, int line, int column, string expected)
    {
        string damaged = Good.Replace(from, to, StringComparison.Ordinal);
        Assert.NotEqual(Good, damaged);
        var refusal = Assert.Throws<TraceFormatException>(() => KernelTraceReader.Read("t", new StringReader(damaged)));
        Assert.Equal((line, column), (refusal.Line, refusal.Column));
        Assert.Contains($"t, line {line}, column {column}: expected ", refusal.Message, StringComparison.Ordinal);
        Assert.Contains(expected, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void EveryCutOfATraceIsRefused()
    {
        for (int length = 0; length < Good.Length - 1; length++)
            Assert.Throws<TraceFormatException>(() => KernelTraceReader.Read("t", new StringReader(Good[..length])));
    }

    [Fact]
    public void AWrongAnswerIsFoundAtItsStepWithThePagesAroundIt()
    {
        Trace trace = KernelTraceReader.Read("t", new StringReader(Good));
        TraceDifference difference = TraceReplay.Run(trace)!;
        Assert.Equal(1, difference.Step);
        Assert.EndsWith("h 0123abcd", difference.Expected, StringComparison.Ordinal);
        Assert.NotEqual(difference.Expected, difference.Actual);
        Assert.Equal(Enumerable.Range(3, 6), difference.Pages.Select(page => page.Page));
        Assert.Equal("rw, ram rw; d0: -, d1: -", difference.Pages[2].Before);
        Assert.Equal("rw, ram rw; d0: -, d1: ram rw", difference.Pages[2].After);
    }
}
