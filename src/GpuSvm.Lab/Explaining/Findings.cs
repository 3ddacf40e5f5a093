// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Lab.Wording;

namespace GpuSvm.Lab.Explaining;

/// <summary>Finds the costliest intervals of a trace: neighbouring blocks of one allocation with one pattern become one, and where an allocation would fall into many pieces it is taken whole.</summary>
public static class Findings
{
    private const int MostPieces = 3; // Of one allocation.

    /// <summary>The costliest intervals.</summary>
    /// <param name="analysis">The analysis, complete.</param>
    /// <param name="most">How many at the most.</param>
    /// <returns>The findings, the costliest first.</returns>
    public static IReadOnlyList<Finding> Of(TraceAnalysis analysis, int most = 10)
    {
        ArgumentNullException.ThrowIfNull(analysis);
        List<Run> runs = [.. RunsOf(analysis).GroupBy(run => run.Allocation).SelectMany(group => group.Key is not null && group.Count() > MostPieces ? (IEnumerable<Run>)[Whole(group)] : group)];
        return [.. runs.Where(run => run.Pattern != UsePattern.Quiet && run.Use.Cost > 0).OrderByDescending(run => run.Use.Cost).ThenBy(run => run.Interval.Start.Value).Take(most).Select(run => FindingOf(run, analysis))];
    }

    /// <summary>Neighbouring blocks with one pattern.</summary>
    /// <param name="analysis">The analysis.</param>
    private static List<Run> RunsOf(TraceAnalysis analysis)
    {
        var runs = new List<Run>();
        foreach ((VirtualAddress start, BlockUse use) in analysis.Blocks.InOrder)
        {
            UsePattern pattern = UsePatterns.Of(use, analysis.Blocks.PieceBytes, analysis);
            var interval = AddressRange.OfBytes(start, analysis.Blocks.BlockBytes);
            Allocation? allocation = analysis.Allocations.Find(start) ?? analysis.Allocations.Find(interval.End - 1);
            if (allocation is not null)
                interval = interval.Intersect(allocation.Interval.AlignOutward());
            if (runs.Count > 0 && runs[^1] is var last && last.Pattern == pattern && last.Allocation == allocation && last.Interval.End == interval.Start)
            {
                last.Use.Add(use);
                runs[^1] = last with { Interval = last.Interval.Around(interval) };
                continue;
            }

            var sum = new BlockUse();
            sum.Add(use);
            runs.Add(new Run(interval, allocation, pattern, sum));
        }

        return runs;
    }

    /// <summary>Makes one run of an allocation's, with the pattern that cost most.</summary>
    /// <param name="runs">The runs.</param>
    private static Run Whole(IEnumerable<Run> runs)
    {
        Run[] all = [.. runs];
        var sum = new BlockUse();
        foreach (Run run in all)
            sum.Add(run.Use);
        UsePattern pattern = all.GroupBy(run => run.Pattern).MaxBy(group => group.Sum(run => run.Use.Cost))!.Key;
        return new Run(all[0].Interval.Around(all[^1].Interval), all[0].Allocation, pattern, sum);
    }

    /// <summary>A run in words.</summary>
    /// <param name="run">The run.</param>
    /// <param name="analysis">The analysis.</param>
    private static Finding FindingOf(Run run, TraceAnalysis analysis)
    {
        string kernel = run.Use.FirstKernel >= 0 ? analysis.Kernels[run.Use.FirstKernel].Name : "";
        (string what, string remedy) = FindingWords.Of(run.Pattern, run.Use, run.Interval.Bytes, kernel);
        return new Finding(run.Interval, NameOf(run), run.Allocation, run.Pattern, run.Use, kernel, what, remedy);
    }

    /// <summary>What an interval is called.</summary>
    /// <param name="run">The interval.</param>
    /// <returns>"a", "4 MiB of a from 2 MiB on", or its size and address.</returns>
    private static string NameOf(Run run)
    {
        if (run.Allocation is not { Name.Length: > 0 } allocation)
            return $"{Format.Size(run.Interval.Bytes)} at {run.Interval.Start}";
        if (run.Interval.Contains(allocation.Interval))
            return allocation.Name;
        long offset = run.Interval.Start - allocation.Interval.Start;
        return offset <= 0 ? $"the first {Format.Size(run.Interval.Bytes)} of {allocation.Name}" : $"{Format.Size(run.Interval.Bytes)} of {allocation.Name} from {Format.Size(offset)} on";
    }

    /// <summary>Blocks that belong together.</summary>
    /// <param name="Interval">Their addresses.</param>
    /// <param name="Allocation">What they belong to.</param>
    /// <param name="Pattern">Their pattern.</param>
    /// <param name="Use">Their sum.</param>
    private sealed record Run(AddressRange Interval, Allocation? Allocation, UsePattern Pattern, BlockUse Use);
}
