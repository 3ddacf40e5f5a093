// SPDX-License-Identifier: MIT
using System.Globalization;
using GpuSvm.Cli.Commands;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace GpuSvm.Cli.Watch;

/// <summary>How a frame looks.</summary>
internal static class TopView
{
    private const int BarCells = 30;
    private const int MostBlocks = 10;

    /// <summary>Makes what is written of a frame.</summary>
    /// <param name="frame">The frame.</param>
    public static IRenderable Of(TopFrame frame)
    {
        var parts = new List<IRenderable>
        {
            new Markup(string.Create(CultureInfo.InvariantCulture, $"[bold]{Markup.Escape(frame.Process)}[/] (process {frame.Pid}), rates over {frame.Seconds:0.0} s")),
        };
        foreach (var memory in frame.Memories)
        {
            parts.Add(Memory(memory));
            parts.Add(Blocks(memory));
        }

        return new Rows(parts);
    }

    /// <summary>What is where, and how fast it moves.</summary>
    private static Table Memory(TopMemory memory)
    {
        var table = new Table().Border(TableBorder.Rounded).HideHeaders().AddColumn(new TableColumn("").NoWrap()).AddColumn("");
        table.AddRow(new Text("memory"), new Text($"{memory.Id}, {memory.Kind}: {ByteSize.Format(memory.HeapBytes)} allocated"));
        table.AddRow(new Text("device"), new Markup(Bar(memory.DeviceBytesUsed, memory.DeviceBytesTotal)));
        table.AddRow(new Text("RAM"), new Text($"{ByteSize.Format(memory.RamBytes)}, with what nobody has touched"));
        table.AddRow(new Text("GPU faults"), new Text($"{PerSecond(memory.GpuFaultsPerSecond)}{Times(memory.GpuFaultP50Ns, memory.GpuFaultP99Ns)}"));
        table.AddRow(new Text("CPU faults"), new Text($"{PerSecond(memory.CpuFaultsPerSecond)}{Times(memory.CpuFaultP50Ns, memory.CpuFaultP99Ns)}"));
        table.AddRow(new Text("to device"), new Text($"{ByteSize.Format((long)memory.BytesToDevicePerSecond)}/s"));
        table.AddRow(new Text("to RAM"), new Text($"{ByteSize.Format((long)memory.BytesToRamPerSecond)}/s"));
        table.AddRow(new Text("evictions"), new Text($"{PerSecond(memory.EvictionsPerSecond)}, invalidations {PerSecond(memory.InvalidationsPerSecond)}"));
        if (memory.GpuFaultsFailed > 0)
            table.AddRow(new Text("refused"), new Markup($"[red]{Format.Count(memory.GpuFaultsFailed)} GPU faults in all[/]"));
        if (memory.EventsDropped > 0)
            table.AddRow(new Text("dropped"), new Markup($"[yellow]{Format.Count(memory.EventsDropped)} events: the blocks below miss them[/]"));
        return table;
    }

    /// <summary>The hottest 2 MiB.</summary>
    private static IRenderable Blocks(TopMemory memory)
    {
        if (memory.Blocks.Count == 0)
            return new Text("nothing moved and nothing faulted");
        var table = new Table().Border(TableBorder.Rounded).AddColumn(new TableColumn($"hottest 2 MiB, last {memory.WindowSeconds.ToString("0.0", CultureInfo.InvariantCulture)} s").NoWrap());
        foreach (var name in (string[])["GPU faults", "CPU", "to device", "to RAM", "evicted", "turns"])
            table.AddColumn(new TableColumn(name).RightAligned().NoWrap());
        foreach (var block in memory.Blocks.Take(MostBlocks))
        {
            table.AddRow(
                new Markup($"0x{block.Address:x}{(block.IsThrashing ? " [red]thrashing[/]" : "")}"), new Text(Format.Count(block.GpuFaults)), new Text(Format.Count(block.CpuFaults)), new Text(ByteSize.Format(block.BytesToDevice)),
                new Text(ByteSize.Format(block.BytesToRam)), new Text(Format.Count(block.Evictions)), new Text(Format.Count(block.Turns)));
        }

        return table;
    }

    /// <summary>A bar of used and total, with the numbers behind it.</summary>
    private static string Bar(long used, long total)
    {
        var cells = total == 0 ? 0 : (int)Math.Clamp((long)BarCells * used / total, used > 0 ? 1 : 0, BarCells);
        var colour = cells == BarCells ? "red" : "green";
        return $"[{colour}]{new string('█', cells)}[/][grey]{new string('░', BarCells - cells)}[/] {ByteSize.Format(used)} of {ByteSize.Format(total)}";
    }

    /// <summary>A rate for people.</summary>
    private static string PerSecond(double rate) => (rate is 0 or >= 100 ? Format.Count((long)rate) : Format.Significant(rate)) + "/s";

    /// <summary>Service times, where there were any.</summary>
    private static string Times(long p50, long p99) => p50 == 0 ? "" : $", half within {Format.Seconds(p50 * 1e-9)}, 99 % within {Format.Seconds(p99 * 1e-9)}";
}
