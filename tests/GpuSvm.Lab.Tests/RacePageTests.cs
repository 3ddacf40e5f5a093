// SPDX-License-Identifier: MIT
using System.Xml;
using System.Xml.Linq;
using GpuSvm.Core.Locking;
using GpuSvm.Lab.Races;
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Lab.Tests;

/// <summary>Pages of races: complete, well-formed, and of a size that a browser shows.</summary>
[Collection("explorer")]
public sealed class RacePageTests
{
    [Theory]
    [InlineData("R-01", "m3:1")]
    [InlineData("R-07", "0:1,32:0,95:1")]
    [InlineData("R-13", "-")]
    [InlineData("eviction-under-pressure", "5:1,20:0")]
    public void APageOfAKnownScenarioSaysAllThatHappened(string name, string decisions)
    {
        RaceRecord race = RaceExamples.Replay(name, decisions);
        XDocument page = Parse(race);
        string lanes = page.Descendants().Single(element => Class(element) == "race").ToString();
        foreach (string thread in race.Trace.Threads)
            Assert.Contains($"<span>{thread}</span>", lanes, StringComparison.Ordinal);
        string[] notes = [.. page.Descendants().Where(element => Class(element) == "note" && element.Parent!.Attribute("class")!.Value.StartsWith("lane", StringComparison.Ordinal)).Select(element => element.Value)];
        Assert.Equal(race.Trace.Steps.Where(step => step.Act == ScheduleAct.Note).Select(step => step.Subject), notes);
        foreach (ScheduleStep step in race.Trace.Steps.Where(step => step.Watched is not null))
            Assert.All(step.Watched!, watched => Assert.Contains(watched.State, lanes, StringComparison.Ordinal));
        Assert.Equal(race.Trace.Steps.Count(step => step.IsPreemption), page.Descendants().Count(element => Class(element) == "row turn"));
        Assert.Equal(race.Trace.Steps.Count, page.Descendants().Count(element => element.Attribute("id")?.Value.StartsWith('s') == true));
        Assert.DoesNotContain(page.Descendants(), element => element.Attribute("id")?.Value == "broke");
    }

    [Theory]
    [InlineData("R-01", "m3:1")]
    [InlineData("R-07", "0:1,32:0,95:1")]
    [InlineData("R-20", "-")]
    public void EveryBarOfALockBeginsAndEnds(string name, string decisions)
    {
        XElement[] bars = [.. Parse(RaceExamples.Replay(name, decisions)).Descendants("i").Where(bar => Class(bar.Parent!)?.StartsWith("lane", StringComparison.Ordinal) == true)];
        XElement[] seen = [.. bars.Where(bar => !bar.Ancestors("summary").Any())];
        Assert.NotEmpty(seen);
        Assert.Equal(seen.Count(bar => Class(bar)!.Contains(" first", StringComparison.Ordinal)), seen.Count(bar => Class(bar)!.Contains(" last", StringComparison.Ordinal)));
        Assert.All(seen, bar => Assert.NotEmpty(bar.Attribute("title")!.Value));
    }

    [Fact]
    public void ThePlaceWhereItBrokeIsSaidOnceAndNothingIsToldAfterIt()
    {
        XDocument page = Parse(RaceExamples.Broken("frame 0 is nobody's"));
        XElement broke = Assert.Single(page.Descendants(), element => Class(element) == "row broke");
        Assert.Contains("gpu: frame 0 is nobody's", broke.Value, StringComparison.Ordinal);
        Assert.Empty(broke.ElementsAfterSelf());
        Assert.Equal("race: wrong data, in thread gpu, at 'gpu.write A0'", page.Descendants("h1").Single().Value);
        Assert.Contains(page.Descendants("a"), link => link.Attribute("href")!.Value == "#broke");
    }

    [Fact]
    public void WhatAThreadThrowsIsFoundInThatThread()
    {
        XDocument page = Parse(RaceExamples.Run(
            new ExploredThread("first", () => ScheduleNotes.Say("does well")),
            new ExploredThread("second", () =>
            {
                ScheduleNotes.Say("does ill");
                SchedulePoint.Reach(SchedulePointKind.Atomic, "a word");
                throw new InvalidOperationException("so ill");
            }),
            new ExploredThread("third", () => ScheduleNotes.Say("comes never"))));
        Assert.Equal("tiny: an exception, in thread second, at 'does ill'", page.Descendants("h1").Single().Value);
        Assert.Contains("so ill", page.Descendants().Single(element => Class(element) == "row broke").Value, StringComparison.Ordinal);
    }

    [Fact]
    public void OfADeadlockNoThreadIsToBlame()
    {
        var never = new object();
        XDocument page = Parse(RaceExamples.Run(new ExploredThread("one", () => Wait(never)), new ExploredThread("two", () => Wait(never))));
        Assert.Equal("tiny: deadlock, nobody can go on", page.Descendants("h1").Single().Value);
        Assert.Contains("two waits for Object", page.Descendants().Single(element => Class(element) == "row broke").Value, StringComparison.Ordinal);
        Assert.Contains(page.Descendants(), element => Class(element) == "lane waiting");

        static void Wait(object never)
        {
            while (SchedulePoint.TryWait(never))
            {
            }
        }
    }

    [Fact]
    public void PagesPublishedInSpiteOfAnEventAreToldWithBothSequences() =>
        Assert.Contains("<span class=\"bad\">about to publish the pages although the sequence is 3, and it has read 1<", Write(RaceExamples.Broken("x")), StringComparison.Ordinal);

    [Fact]
    public void SpecialCharactersAreEscaped()
    {
        RaceRecord race = RaceExamples.Broken("a < b & \"c\" > 'd' \0\u0001\ud83d\ude80 <script>alert(1)</script>");
        string page = Write(race);
        Assert.DoesNotContain("<script", page, StringComparison.Ordinal);
        Assert.Contains("a < b & \"c\" > 'd' \uFFFD\uFFFD\ud83d\ude80 <script>", XDocument.Parse(page).Descendants().Single(element => Class(element) == "said").Value, StringComparison.Ordinal);
    }

    [Fact]
    public void NothingIsFetchedFromElsewhere()
    {
        string page = Write(RaceExamples.Broken("x"));
        Assert.DoesNotContain("http", page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("url(", page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("src=", page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("@import", page, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void OfTwentyThousandStepsThoseInTheMiddleAreLeftOut()
    {
        RaceRecord race = RaceExamples.Long(20_000);
        string page = Write(race);
        Assert.InRange(page.Length, 100_000, 4_000_000);
        XDocument.Parse(page);
        Assert.Contains("16000 steps are left out here", page, StringComparison.Ordinal);
        Assert.Contains("It broke here", page, StringComparison.Ordinal);
    }

    [Fact]
    public void LocksThatNobodyElseMeetsAreFolded()
    {
        RaceRecord race = RaceExamples.Replay("R-01", "-");
        int released = race.Trace.Steps.Count(step => step.Act == ScheduleAct.Point && step.Kind == SchedulePointKind.LockReleased);
        int shown = Parse(race).Descendants().Count(element => element.Value.StartsWith("releases ", StringComparison.Ordinal)
            && element.Attribute("class")?.Value.StartsWith("lane", StringComparison.Ordinal) == true && !element.Ancestors("details").Any());
        Assert.InRange(shown, 5, released / 2);
    }

    /// <summary>A page as its reader gets it.</summary>
    private static string Write(RaceRecord race)
    {
        var writer = new StringWriter();
        RacePage.Write(writer, race);
        return writer.ToString();
    }

    /// <summary>A page read as XML.</summary>
    private static XDocument Parse(RaceRecord race)
    {
        using var reader = XmlReader.Create(new StringReader(Write(race)), new XmlReaderSettings { DtdProcessing = DtdProcessing.Ignore });
        return XDocument.Load(reader);
    }

    /// <summary>An element's class.</summary>
    private static string? Class(XElement element) => element.Attribute("class")?.Value;
}
