// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Races;
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Lab.Tests;

/// <summary>Races as text for a terminal.</summary>
[Collection("explorer")]
public sealed class RaceTextTests
{
    [Theory]
    [InlineData("R-01", "m3:1")]
    [InlineData("R-07", "0:1,32:0,95:1")]
    [InlineData("eviction-under-pressure", "5:1,20:0")]
    public void ItSaysAllNotesInOrderAndFitsItsWidth(string name, string decisions)
    {
        RaceRecord race = RaceExamples.Replay(name, decisions);
        string[] lines = Write(race).Split(Environment.NewLine);
        Assert.All(lines.Where(line => !line.StartsWith("Again: ", StringComparison.Ordinal)), line => Assert.InRange(line.Length, 0, 110));
        int noted = lines.Count(line => line.Contains("\u25b6 ", StringComparison.Ordinal) && !line.Contains('\u2550') && line.Length > 0 && char.IsAsciiDigit(line[4]));
        Assert.Equal(race.Trace.Steps.Count(step => step.Act == ScheduleAct.Note), noted);
        Assert.Equal(race.Trace.Steps.Count(step => step.IsPreemption), lines.Count(line => line.StartsWith("\u2550\u2550\u2550\u25b6", StringComparison.Ordinal)));
    }

    [Fact]
    public void ItEndsWhereItBroke()
    {
        string[] lines = Write(RaceExamples.Broken("frame 0 is\nnobody's \u001b[31m")).TrimEnd().Split(Environment.NewLine);
        Assert.StartsWith("race: wrong data, in thread gpu", lines[0], StringComparison.Ordinal);
        Assert.Equal("It broke here: frame 0 is", lines[^3]);
        Assert.Equal("nobody's  [31m", lines[^2]);
        Assert.Contains(lines, line => line.StartsWith("\u2550\u2550\u2550\u25b6 turn taken from gpu", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains("seq: 3 (event running)", StringComparison.Ordinal));
    }

    [Fact]
    public void OfTwentyThousandStepsThoseInTheMiddleAreLeftOut() =>
        Assert.InRange(Write(RaceExamples.Long(20_000)).Length, 10_000, 1_500_000);

    /// <summary>The text.</summary>
    private static string Write(RaceRecord race)
    {
        var writer = new StringWriter();
        RaceText.Write(writer, race);
        return writer.ToString();
    }
}
