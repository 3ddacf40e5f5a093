// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Advising;
using Spectre.Console;

namespace GpuSvm.Cli.Report;

/// <summary>Shows advice to a person: what it gives, what each part of it is worth, whether it holds elsewhere, and the code.</summary>
internal static class AdviceTable
{
    /// <summary>Rows of memory that are shown.</summary>
    private const int MostMemory = 8;

    /// <summary>Columns of the longest bar.</summary>
    private const int BarColumns = 20;

    /// <summary>Writes it.</summary>
    /// <param name="report">What was found.</param>
    /// <param name="advice">The same, not yet in words.</param>
    /// <param name="console">Where to.</param>
    public static void Write(AdviceReport report, Advice advice, IAnsiConsole console)
    {
        var settings = advice.Settings;
        console.WriteLine(report.Workload);
        console.WriteLine($"a device of {Format.Bytes(report.DeviceMemoryBytes)}, cost model {report.CostModel.Name}, seed {report.Seed}");
        WriteMemory(report, console);
        var byDefault = report.Default.ModelledNanoseconds;
        if (settings.All.Count == 0)
        {
            console.WriteLine($"The defaults are best: {Format.Seconds(byDefault * 1e-9)} of modelled time, and none of {report.Tried} replays was faster.");
            WriteEffort(report, console);
            return;
        }

        var table = Table("modelled time", "", "faults", "to device", "to RAM", "");
        AddResult(table, "defaults", report.Default, byDefault);
        AddResult(table, "advised", report.Advised, byDefault);
        console.Write(table);
        console.WriteLine($"{Format.Significant(report.Speedup)} times as fast. What each setting is worth, when it alone is left out:");
        var shares = Table("setting", "without it", "");
        foreach (var share in advice.Shares)
        {
            var slower = share.LostNanoseconds / report.Advised.ModelledNanoseconds;
            shares.AddRow(Markup.Escape(share.Setting.ToString()), slower is { } part ? $"+{Format.Significant(100 * part)} %" : "cannot be", share.Setting.Wish is { } wish ? Markup.Escape($"{share.Setting.Interval!.Name} {wish.Words}") : "");
        }

        console.Write(shares);
        WriteChecks(report, console);
        WriteEffort(report, console);
        WriteCode("try it", report.Replay + "\n", console);
        WriteCode("in C", report.Native, console);
        WriteCode("in C#", report.Managed, console);
    }

    /// <summary>A table with a column for each heading; the first and last to the left.</summary>
    private static Table Table(params string[] headings)
    {
        var table = new Table().Border(TableBorder.None);
        for (var index = 0; index < headings.Length; index++)
        {
            var column = new TableColumn(headings[index]).NoWrap().Padding(0, 0, 2, 0);
            table.AddColumn(index == 0 || index == headings.Length - 1 ? column : column.RightAligned());
        }

        return table;
    }

    /// <summary>Adds a result with a bar.</summary>
    private static void AddResult(Table table, string name, Lab.Replay.ReplayResult result, double longest)
    {
        var columns = Math.Max(1, (int)Math.Round(BarColumns * result.ModelledNanoseconds / longest));
        table.AddRow(
            name, Format.Seconds(result.ModelledNanoseconds * 1e-9), Format.Count(result.DeviceFaults), Moved(result.BytesToDevice), Moved(result.BytesToHost), new string('█', columns));
    }

    /// <summary>Shows which memory moved.</summary>
    private static void WriteMemory(AdviceReport report, IAnsiConsole console)
    {
        var table = Table("memory, with the defaults", "bytes", "moved", "faults", "by GPU", "written", "by CPU", "");
        foreach (var use in report.Memory.Take(MostMemory))
        {
            table.AddRow(
                Markup.Escape(use.Name), Commands.ByteSize.Format(use.Bytes), Moved(use.MovedBytes), Format.Count(use.Faults), Format.Count(use.DeviceAccesses), Format.Share(use.DeviceWrites, use.DeviceAccesses),
                Format.Count(use.CpuAccesses), "");
        }

        console.Write(table);
        if (report.Memory.Count > MostMemory)
            console.WriteLine($"and {report.Memory.Count - MostMemory} more");
        console.WriteLine();
    }

    /// <summary>Shows whether it holds elsewhere.</summary>
    private static void WriteChecks(AdviceReport report, IAnsiConsole console)
    {
        console.WriteLine();
        var table = Table("cost model", "seed", "defaults", "advised", "times as fast", "");
        foreach (var check in report.Checks)
        {
            var slower = check.Speedup < 1;
            table.AddRow(
                check.CostModel, Format.Count(check.Seed), Time(check.DefaultNanoseconds), Time(check.AdvisedNanoseconds),
                check.Speedup is { } speedup ? Format.Significant(speedup) : "-", slower ? "[red]slower[/]" : "");
        }

        console.Write(table);
    }

    /// <summary>Says what was done for it.</summary>
    private static void WriteEffort(AdviceReport report, IAnsiConsole console)
    {
        console.WriteLine();
        console.WriteLine(
            $"{report.Tried} replays, {Format.Count(report.ReplayedAccesses)} accesses; the search replayed the first {Format.Count(report.SearchedAccesses)} of {Format.Count(report.Default.Accesses)}"
            + (report.IsOutOfBudget ? ", and ended with its budget: a larger --budget may find more" : ""));
    }

    /// <summary>Shows code.</summary>
    private static void WriteCode(string title, string code, IAnsiConsole console)
    {
        console.WriteLine();
        console.WriteLine($"{title}:");
        console.Profile.Out.Writer.Write(code); // As it is: not cut to the console's width.
    }

    /// <summary>Bytes that moved.</summary>
    private static string Moved(long bytes) => Commands.ByteSize.Format(bytes);

    /// <summary>A time; a dash where there is none.</summary>
    private static string Time(double? nanoseconds) => nanoseconds is { } time ? Format.Seconds(time * 1e-9) : "-";
}
