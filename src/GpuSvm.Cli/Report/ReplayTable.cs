// SPDX-License-Identifier: MIT
using System.Globalization;
using GpuSvm.Core.Addressing;
using GpuSvm.Lab.Replay;
using Spectre.Console;

namespace GpuSvm.Cli.Report;

/// <summary>Shows a replay to a person: what moved and why, where modelled time went, and what it was modelled with.</summary>
internal static class ReplayTable
{
    private static readonly IReadOnlyDictionary<ReplayCost, string> _costNames = new Dictionary<ReplayCost, string>
    {
        [ReplayCost.DeviceAccess] = "device, own memory",
        [ReplayCost.RemoteAccess] = "device, memory elsewhere",
        [ReplayCost.CpuAccess] = "CPU threads",
        [ReplayCost.PageWalk] = "page walks",
        [ReplayCost.DeviceFault] = "device faults, without copies",
        [ReplayCost.CpuFault] = "CPU faults, without copies",
        [ReplayCost.ToDevice] = "copies to the device",
        [ReplayCost.ToHost] = "copies to RAM",
        [ReplayCost.Clear] = "clearing device memory",
        [ReplayCost.Invalidation] = "invalidations",
        [ReplayCost.Throttle] = "held back by the thrash policy",
    };

    /// <summary>Writes the tables.</summary>
    /// <param name="report">The replay.</param>
    /// <param name="seconds">How long it took here.</param>
    /// <param name="console">Where to.</param>
    public static void Write(ReplayReport report, double seconds, IAnsiConsole console)
    {
        ReplayResult result = report.Result;
        var table = new Table().Border(TableBorder.Rounded).HideHeaders().AddColumn(new TableColumn("").NoWrap()).AddColumn("");
        Add(table, "workload", report.Workload);
        Add(table, "touches", Format.Bytes(result.TouchedPages << PageSize.Shift));
        Add(table, "device memory", $"{Format.Bytes(report.DeviceMemoryBytes)}: {Format.Share(report.FootprintBytes, report.DeviceMemoryBytes)} of it wanted");
        Add(table, "policies", $"chunk {report.Chunk}, prefetch {report.Prefetch}, evict {report.Evict}, thrash {report.Thrash}, placement {report.Placement}, seed {report.Seed}");
        if (report.Advice.Count > 0)
            Add(table, "advised", string.Join(' ', report.Advice));
        Add(table, "replayed", $"{Format.Count(result.Accesses)} accesses in {Format.Seconds(seconds)}, {Format.Count((long)(result.Accesses / Math.Max(seconds, 1e-9)))} a second");
        table.AddEmptyRow();
        Add(table, "device faults", $"{Format.Count(result.DeviceFaults)} in {Format.Count(result.Batches)} batches");
        Add(table, "CPU faults", Format.Count(result.CpuFaults));
        Add(table, "to device", Format.Bytes(result.BytesToDevice));
        Add(table, "to RAM", Format.Bytes(result.BytesToHost));
        if (result.BytesBetweenDevices > 0)
            Add(table, "between devices", Format.Bytes(result.BytesBetweenDevices));
        Add(table, "evictions", $"{Format.Count(result.Evictions)}, {Format.Count(result.EvictedPages)} pages");
        Add(table, "thrashed", $"{Format.Count(result.ThrashedPages)} pages came back after they were evicted");
        Add(table, "prefetch", $"{Format.Count(result.PrefetchedPages)} pages came unasked: accuracy {Percent(result.PrefetchAccuracy)}, coverage {Percent(result.PrefetchCoverage)}");
        Add(table, "remote", $"{Format.Count(result.RemoteAccesses)} accesses where the memory was");
        if (result.FailedAccesses > 0)
            table.AddRow(new Text("failed"), new Markup($"[red]{Format.Count(result.FailedAccesses)}[/] accesses: {Markup.Escape(result.FirstFailure)}"));
        if (report.Problem.Length > 0)
            table.AddRow(new Text("trace"), new Markup($"[yellow]{Markup.Escape(report.Problem)}[/]"));
        console.Write(table);
        if (report.Recorded.Count > 0)
            WriteRecorded(report, console);
        WriteTimes(report, console);
    }

    /// <summary>Writes the figures of the run beside those of the replay.</summary>
    /// <param name="report">The replay.</param>
    /// <param name="console">Where to.</param>
    private static void WriteRecorded(ReplayReport report, IAnsiConsole console)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumn("run");
        foreach (var title in (string[])["recorded", "replayed", "difference"])
            table.AddColumn(new TableColumn(title).RightAligned());
        foreach (ComparedFigure figure in report.Recorded)
        {
            long difference = figure.Replayed - figure.Recorded;
            table.AddRow(figure.Name, Format.Count(figure.Recorded), Format.Count(figure.Replayed), difference == 0 ? "none" : difference.ToString("+#,0;-#,0", CultureInfo.InvariantCulture));
        }

        console.Write(table);
        if (report.Differs.Length > 0)
            console.WriteLine($"The two may differ: {report.Differs}.");
    }

    /// <summary>Writes where modelled time went, and the model.</summary>
    /// <param name="report">The replay.</param>
    /// <param name="console">Where to.</param>
    private static void WriteTimes(ReplayReport report, IAnsiConsole console)
    {
        ReplayResult result = report.Result;
        CostModel model = report.CostModel;
        var table = new Table().Border(TableBorder.Rounded).AddColumn("modelled time").AddColumn(new TableColumn("").RightAligned()).AddColumn(new TableColumn("share").RightAligned());
        foreach ((ReplayCost cost, string name) in _costNames)
        {
            if (result.Cost(cost) > 0)
                table.AddRow(name, Format.Seconds(result.Cost(cost) * 1e-9), Format.Share(result.Cost(cost), result.ModelledNanoseconds));
        }

        table.AddRow("all", Format.Seconds(result.ModelledNanoseconds * 1e-9), "100.0 %");
        table.AddRow("link busy", "", Percent(result.LinkUse));
        console.Write(table);
        console.WriteLine($"cost model {model.Name}: {model.Source}");
        console.WriteLine(
            $"  fault {Nanoseconds(model.FaultNanoseconds)} a batch of at most {model.BatchFaults} within {model.InFlightAccesses} accesses, {Nanoseconds(model.FaultHandlingNanoseconds)} each; CPU fault {Nanoseconds(model.CpuFaultNanoseconds)};"
            + $" walk {Nanoseconds(model.PageWalkNanoseconds)}; copy set-up {Nanoseconds(model.CopySetUpNanoseconds)}; invalidation {Nanoseconds(model.InvalidationNanoseconds)};");
        console.WriteLine(
            $"  link {Link(model.ToDevice)} to the device, {Link(model.ToHost)} back; remote access {Nanoseconds(model.RemoteAccessNanoseconds)};"
            + $" device memory {Number(model.DeviceGigabytesPerSecond)} GB/s, RAM {Number(model.HostGigabytesPerSecond)} GB/s");
    }

    /// <summary>A share as percent.</summary>
    private static string Percent(double share) => Format.Share(share, 1);

    /// <summary>A time of the model, as it was given.</summary>
    private static string Nanoseconds(double nanoseconds) => nanoseconds >= 1000 ? $"{Number(nanoseconds / 1000)} us" : $"{Number(nanoseconds)} ns";

    /// <summary>A direction of the link.</summary>
    private static string Link(LinkCost link) => $"{Number(link.GigabytesPerSecond)} GB/s after {Nanoseconds(link.LatencyNanoseconds)}";

    /// <summary>A number as it was given.</summary>
    private static string Number(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);

    /// <summary>Adds a row of plain text.</summary>
    private static void Add(Table table, string name, string text) => table.AddRow(new Text(name), new Text(text));
}
