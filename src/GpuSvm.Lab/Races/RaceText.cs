// SPDX-License-Identifier: MIT
using System.Globalization;
using System.Text;

namespace GpuSvm.Lab.Races;

/// <summary>A race as text for a terminal: a column for each thread, 100 characters wide for up to four of them.</summary>
/// <remarks>Before a column's words stand the locks that its thread holds: a heavy bar for one held exclusively, a light one for one held shared. Dots are a thread that waits.</remarks>
public static class RaceText
{
    private const int Width = 100;
    private const int NumberWidth = 6;
    private const int LeastLaneWidth = 23;

    /// <summary>Writes the text.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="race">The race.</param>
    public static void Write(TextWriter writer, RaceRecord race)
    {
        var story = new RaceStory(race);
        int lane = Math.Max(LeastLaneWidth, (Width - NumberWidth) / Math.Max(race.Trace.Threads.Count, 1));
        int width = NumberWidth + (lane * race.Trace.Threads.Count);
        WriteWrapped(writer, story.Break.Headline(race), string.Empty, width);
        if (race.Title.Length > 0)
            WriteWrapped(writer, race.Title, string.Empty, width);
        writer.WriteLine($"Again: {race.Replay}");
        writer.WriteLine("\u2503 a lock held, \u2502 held shared, \u2506 waits, \u25b6 an operation of the scenario, = what stands differently from here on");
        writer.WriteLine();
        writer.WriteLine((new string(' ', NumberWidth) + string.Concat(race.Trace.Threads.Select(thread => Cut(thread, lane - 1).PadRight(lane)))).TrimEnd());
        writer.WriteLine(new string('\u2500', width));
        foreach (IReadOnlyList<RaceLine> group in story.Groups())
            WriteGroup(writer, story, group, lane, width);
    }

    /// <summary>Writes a group of lines; a folded one in one line.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="story">The lines.</param>
    /// <param name="group">The group.</param>
    /// <param name="lane">The width of a lane, in characters.</param>
    /// <param name="width">That of everything.</param>
    private static void WriteGroup(TextWriter writer, RaceStory story, IReadOnlyList<RaceLine> group, int lane, int width)
    {
        RaceLine first = group[0];
        switch (first.Kind)
        {
            case RaceLineKind.Preemption:
                WriteWrapped(writer, first.Text, "\u2550\u2550\u2550\u25b6 ", width);
                break;
            case RaceLineKind.Handover or RaceLineKind.Time or RaceLineKind.Gap:
                WriteWrapped(writer, first.Text, "  -- ", width);
                break;
            case RaceLineKind.Broke:
                writer.WriteLine(new string('\u2573', width));
                WriteWrapped(writer, $"It broke here: {first.Text}", string.Empty, width);
                writer.WriteLine(new string('\u2573', width));
                break;
            case RaceLineKind.Start:
                break;
            default:
                string text = !first.IsNotable ? $"({story.Summary(group)})" : first.Kind == RaceLineKind.Note ? $"\u25b6 {first.Text}" : first.Kind == RaceLineKind.Alarm ? $"!! {first.Text}" : first.Text;
                WriteLanes(writer, first, text, lane);
                break;
        }

        if (first.Changes.Count > 0)
            WriteWrapped(writer, string.Join("; ", first.Changes.Select(change => $"{change.Name}: {RaceWords.StateOf(change.Name, change.State)}")), "    = ", width);
    }

    /// <summary>Writes the lanes of one line of the story, in as many lines as its words need.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="line">The line.</param>
    /// <param name="text">What its own lane says.</param>
    /// <param name="lane">The width of a lane, in characters.</param>
    private static void WriteLanes(TextWriter writer, RaceLine line, string text, int lane)
    {
        string own = Bars(line.Lanes[line.Thread]);
        List<string> words = Wrap(text, Math.Max(lane - own.Length - 1, 12));
        for (int part = 0; part < words.Count; part++)
        {
            var row = new StringBuilder((part == 0 ? line.Step.ToString(CultureInfo.InvariantCulture) : string.Empty).PadLeft(NumberWidth - 1)).Append(' ');
            for (int thread = 0; thread < line.Lanes.Count; thread++)
            {
                string bars = Bars(line.Lanes[thread]);
                row.Append((thread == line.Thread ? bars + words[part] : bars).PadRight(lane));
            }

            writer.WriteLine(row.ToString().TrimEnd());
        }
    }

    /// <summary>A lane's bars.</summary>
    /// <param name="lane">The lane.</param>
    /// <returns>A character for each lock it holds, and one for a wait; then a space.</returns>
    private static string Bars(RaceLane lane) =>
        string.Concat(lane.Locks.Select(held => held is null ? ' ' : held.IsShared ? '\u2502' : '\u2503'))
        + lane.State switch
        {
            RaceLaneState.Waiting => "\u2506 ",
            RaceLaneState.Ready when lane.Locks.Count == 0 => ". ",
            RaceLaneState.Absent => string.Empty,
            _ => " ",
        };

    /// <summary>Writes text in lines that are not too long.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="text">The text.</param>
    /// <param name="sign">What stands before the first line; as many spaces before the others.</param>
    /// <param name="width">The width of a line, in characters.</param>
    private static void WriteWrapped(TextWriter writer, string text, string sign, int width)
    {
        string indent = sign;
        foreach (string line in Wrap(text, width - sign.Length))
        {
            writer.WriteLine(indent + line);
            indent = new string(' ', sign.Length);
        }
    }

    /// <summary>Breaks text into lines.</summary>
    /// <param name="text">The text; control characters become spaces, but for ends of lines.</param>
    /// <param name="width">The most characters a line has; longer words are cut.</param>
    /// <returns>The lines, at least one.</returns>
    private static List<string> Wrap(string text, int width)
    {
        var lines = new List<string>();
        foreach (string paragraph in text.Split('\n'))
        {
            string rest = string.Concat(paragraph.Select(character => char.IsControl(character) ? ' ' : character)).TrimEnd();
            while (rest.Length > width)
            {
                int end = rest.LastIndexOf(' ', width);
                end = end <= 0 ? width : end;
                lines.Add(rest[..end]);
                rest = rest[end..].TrimStart();
            }

            lines.Add(rest);
        }

        return lines;
    }

    /// <summary>Text of at most some length.</summary>
    /// <param name="text">The text.</param>
    /// <param name="most">How many characters.</param>
    /// <returns>The text, or its beginning.</returns>
    private static string Cut(string text, int most) => text.Length <= most ? text : text[..most];
}
