// SPDX-License-Identifier: MIT
using System.Globalization;
using GpuSvm.Core.Locking;
using GpuSvm.Simulation.Exploring;
using static GpuSvm.Lab.Wording.Html;

namespace GpuSvm.Lab.Races;

/// <summary>A race as one HTML page that needs nothing else: no script, no picture, no network.</summary>
/// <remarks>Time goes down; a lane for each thread, with the locks it holds as bars; then sequences and pages, where they change. The page is well-formed XML, too.</remarks>
public static partial class RacePage
{
    private const int MostStretches = 40;

    /// <summary>Writes the page.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="race">The race.</param>
    public static void Write(TextWriter writer, RaceRecord race)
    {
        var story = new RaceStory(race);
        Dictionary<string, int> colors = ColorsOf(story);
        int[] depths = DepthsOf(story, race.Trace.Threads.Count);
        string title = Escape(story.Break.Headline(race));
        writer.Write($"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><meta name=\"viewport\" content=\"width=device-width\"/><title>{title}</title>\n<style>\n{Style}\n</style></head>\n<body>\n");
        WriteTop(writer, race, story, title);
        WriteKey(writer, colors);
        writer.Write($"<div class=\"race\" style=\"--threads: {race.Trace.Threads.Count}\">\n<div class=\"row head\"><span>step</span>");
        foreach (string thread in race.Trace.Threads)
            writer.Write($"<span>{Escape(thread)}</span>");
        writer.Write("<span>sequences</span><span>pages</span></div>\n");
        foreach (IReadOnlyList<RaceLine> group in story.Groups())
            WriteGroup(writer, race, story, group, colors, depths);
        writer.Write("</div>\n</body></html>\n");
    }

    /// <summary>Writes what comes before the lanes.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="race">The race.</param>
    /// <param name="story">Its lines.</param>
    /// <param name="title">The headline, escaped.</param>
    private static void WriteTop(TextWriter writer, RaceRecord race, RaceStory story, string title)
    {
        writer.Write($"<h1>{title}</h1>\n");
        if (race.Failure is { } failure)
            writer.Write($"<p class=\"message\">{Escape(FirstLine(failure.Message))} <a href=\"#broke\">Where it broke</a></p>\n");
        if (race.Title.Length > 0)
            writer.Write($"<p class=\"dim\">The scenario: {Escape(race.Title)}</p>\n");
        writer.Write("<div class=\"top\"><div><h2>In short</h2><ol>\n");
        IReadOnlyList<RaceStretch> stretches = story.Stretches();
        int left = Math.Max(stretches.Count - MostStretches, 0);
        for (int i = 0; i < stretches.Count; i++)
        {
            if (left > 0 && i == MostStretches / 2)
            {
                writer.Write($"<li class=\"dim\">{left} more turns</li>\n");
                i += left;
            }

            RaceStretch stretch = stretches[i];
            string operations = string.Join(", ", stretch.Operations.Select(operation => $"<code>{Escape(operation)}</code>"));
            string ending = stretch.Ending.Length == 0 ? (race.Failure is null ? string.Empty : "; <a class=\"bad\" href=\"#broke\">it breaks</a>") : stretch.IsPreempted ? $"; <span class=\"taken\">{Escape(stretch.Ending)}</span>" : $"; {Escape(stretch.Ending)}";
            writer.Write($"<li><a href=\"#s{stretch.Step}\">{Escape(race.Trace.Threads[stretch.Thread])}</a>: {(operations.Length > 0 ? operations : "begins")}{ending}</li>\n");
        }

        writer.Write($"</ol>\n<h2>Again</h2><pre>{Escape(race.Replay)}</pre><p class=\"dim\">Decisions: <code>{Escape(race.Decisions)}</code></p></div>\n");
        writer.Write($"<div><h2>The scenario</h2><pre>{Escape(race.Text)}</pre></div></div>\n");
    }

    /// <summary>Writes the legend.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="colors">The locks' colours.</param>
    private static void WriteKey(TextWriter writer, Dictionary<string, int> colors)
    {
        writer.Write("<h2>How to read it</h2><p class=\"key\"><span>Time goes down. </span><span class=\"note\">operation of the scenario</span>");
        writer.Write("<span class=\"taken\">turn taken from a thread that could have gone on</span><span>thick line: has the turn; thin: could go on; dashed: waits</span><span>bars: locks held, pale where shared</span></p>\n<p class=\"key\">");
        foreach ((string name, int color) in colors)
            writer.Write($"<span><i class=\"k{color}\"></i>{Escape(name)}</span>");
        writer.Write("<span class=\"dim\">\u25b8 quiet steps, click to unfold</span></p>\n");
        writer.Write("<p class=\"dim\"><b>seq</b>: the address space's event sequence, odd while an event runs. <b>window</b>: the sequence of the last event that met this notifier window; a fault that read an older one starts over.</p>\n");
    }

    /// <summary>Writes a group of lines.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="race">The race.</param>
    /// <param name="story">Its lines.</param>
    /// <param name="group">The group.</param>
    /// <param name="colors">The locks' colours.</param>
    /// <param name="depths">How many bars each lane needs.</param>
    private static void WriteGroup(TextWriter writer, RaceRecord race, RaceStory story, IReadOnlyList<RaceLine> group, Dictionary<string, int> colors, int[] depths)
    {
        RaceLine first = group[0];
        if (!first.IsNotable)
        {
            writer.Write("<details><summary>");
            WriteRow(writer, first, $"<span class=\"folded\">{Escape(story.Summary(group))}</span>", colors, depths, "sum");
            writer.Write("</summary>\n");
            foreach (RaceLine line in group)
                WriteRow(writer, line, Escape(line.Text), colors, depths);
            writer.Write("</details>\n");
            return;
        }

        switch (first.Kind)
        {
            case RaceLineKind.Step:
                WriteRow(writer, first, StepText(first, race.Trace.Steps[first.Step], colors), colors, depths);
                break;
            case RaceLineKind.Alarm:
                WriteRow(writer, first, $"<span class=\"bad\">{Escape(first.Text)}</span>", colors, depths);
                break;
            case RaceLineKind.Note:
                WriteRow(writer, first, $"<span class=\"note\">{Escape(first.Text)}</span>", colors, depths);
                break;
            case RaceLineKind.Start:
                WriteRow(writer, first, string.Empty, colors, depths);
                break;
            case RaceLineKind.Broke:
                string where = first.Thread >= 0 ? $"{race.Trace.Threads[first.Thread]}: " : string.Empty;
                writer.Write($"<div class=\"row broke\" id=\"broke\"><span class=\"no\">\u2716</span><span class=\"whole\">It broke here. {Escape(where)}<span class=\"said\">{Escape(first.Text)}</span></span></div>\n");
                break;
            case RaceLineKind.Preemption:
                WriteRow(writer, first, $"\u21c4 {Escape(first.Text)}", colors, depths, "turn");
                break;
            case RaceLineKind.Handover:
                WriteRow(writer, first, Escape(first.Text), colors, depths, "handover");
                break;
            default:
                writer.Write($"<div class=\"row handover\"><span class=\"no\"></span><span class=\"whole\">{Escape(first.Text)}</span></div>\n");
                break;
        }
    }

    /// <summary>Writes one line of lanes.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="line">The line.</param>
    /// <param name="content">What its lane says, as HTML.</param>
    /// <param name="colors">The locks' colours.</param>
    /// <param name="depths">How many bars each lane needs.</param>
    /// <param name="look">The look of a line that tells no step of its own; empty for one that does.</param>
    private static void WriteRow(TextWriter writer, RaceLine line, string content, Dictionary<string, int> colors, int[] depths, string look = "")
    {
        string number = line.Kind switch
        {
            RaceLineKind.Start => "start",
            RaceLineKind.Preemption or RaceLineKind.Handover => string.Empty,
            _ => line.Step.ToString(CultureInfo.InvariantCulture),
        };
        writer.Write(look.Length > 0 || line.Kind == RaceLineKind.Start ? $"<div class=\"{$"row {look}".TrimEnd()}\">" : $"<div class=\"row\" id=\"s{number}\">");
        writer.Write($"<span class=\"no\">{number}</span>");
        for (int thread = 0; thread < line.Lanes.Count; thread++)
        {
            RaceLane lane = line.Lanes[thread];
            string state = lane.State switch
            {
                RaceLaneState.Ready => " ready",
                RaceLaneState.Running => " running",
                RaceLaneState.Waiting => " waiting",
                _ => string.Empty,
            };
            writer.Write($"<span class=\"lane{state}\" style=\"--deep: {depths[thread]}\">");
            for (int place = 0; place < lane.Locks.Count; place++)
            {
                if (lane.Locks[place] is not { } held)
                    continue;
                string bar = (held.IsShared ? " shared" : string.Empty) + (held.Taken == line.Step ? " first" : string.Empty) + (held.Released == line.Step ? " last" : string.Empty);
                writer.Write($"<i class=\"k{colors[held.Name]}{bar}\" style=\"--at: {place}\" title=\"{Escape(held.Name)}\"></i>");
            }

            writer.Write(thread == line.Thread ? $"{content}</span>" : "</span>");
        }

        WriteChanges(writer, line, ofSequences: true);
        WriteChanges(writer, line, ofSequences: false);
        writer.Write("</div>\n");
    }

    /// <summary>Writes what stands differently.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="line">The line.</param>
    /// <param name="ofSequences">Whether sequences are meant; otherwise pages.</param>
    private static void WriteChanges(TextWriter writer, RaceLine line, bool ofSequences)
    {
        IEnumerable<string> changes = line.Changes.Where(change => RaceLine.IsSequence(change.Name) == ofSequences)
            .Select(change => $"<b>{Escape(change.Name)}</b> {Escape(RaceWords.StateOf(change.Name, change.State))}");
        writer.Write($"<span class=\"change\">{string.Join("<br/>", changes)}</span>");
    }

    /// <summary>What a step's lane says.</summary>
    /// <param name="line">The line.</param>
    /// <param name="step">The step.</param>
    /// <param name="colors">The locks' colours.</param>
    /// <returns>HTML: a lock's name has its colour where it is taken.</returns>
    private static string StepText(RaceLine line, in ScheduleStep step, Dictionary<string, int> colors)
    {
        if (step.Act != ScheduleAct.Point || step.Kind is not (SchedulePointKind.LockTake or SchedulePointKind.LockTakeShared))
            return Escape(line.Text);
        string name = RaceWords.LockOf(step.Subject);
        return string.Create(CultureInfo.InvariantCulture, $"takes <span class=\"lock k{colors.GetValueOrDefault(name)}\">{Escape(name)}</span>{(step.Kind == SchedulePointKind.LockTakeShared ? " shared" : string.Empty)}");
    }

    /// <summary>Gives the locks that have bars their colours.</summary>
    /// <param name="story">The lines.</param>
    /// <returns>Number of colour by name, in the order in which they appear.</returns>
    private static Dictionary<string, int> ColorsOf(RaceStory story)
    {
        var colors = new Dictionary<string, int>();
        foreach (HeldLock held in story.Lines.SelectMany(line => line.Lanes).SelectMany(lane => lane.Locks).OfType<HeldLock>())
            colors.TryAdd(held.Name, colors.Count % LockColors);
        return colors;
    }

    /// <summary>How many bars each lane needs beside each other.</summary>
    /// <param name="story">The lines.</param>
    /// <param name="threads">How many lanes there are.</param>
    /// <returns>The number by thread.</returns>
    private static int[] DepthsOf(RaceStory story, int threads) =>
        [.. Enumerable.Range(0, threads).Select(thread => story.Lines.Max(line => line.Lanes[thread].Locks.Count))];

    /// <summary>The first line of a message.</summary>
    /// <param name="message">The message.</param>
    /// <returns>Its first line.</returns>
    private static string FirstLine(string message) => message.Split('\n')[0].TrimEnd();
}
