// SPDX-License-Identifier: MIT
using GpuSvm.Traces;

namespace GpuSvm.Lab.Workloads;

/// <summary>A trace file as a workload: it is read once to learn how much it touches, and again for each replay.</summary>
public sealed class RecordedWorkload : IWorkload
{
    private readonly string _path;

    /// <summary>Reads a trace through.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="TraceFileException">It is no trace, or there is nothing in it to replay.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public RecordedWorkload(string path)
    {
        _path = path;
        var footprint = new TraceFootprint();
        using TraceReader reader = TraceReader.Open(path);
        reader.ReadTo(footprint);
        if (footprint.Accesses + footprint.Faults == 0)
            throw new TraceFileException(Path.GetFileName(path), reader.BytesRead, $"the trace has neither accesses nor faults, so there is nothing to replay. {reader.Problem}".TrimEnd());
        UsesFaults = footprint.Accesses == 0;
        HasMigrations = footprint.Migrations > 0;
        Header = reader.Header;
        FootprintBytes = footprint.TouchedBytes;
        SpannedBytes = footprint.SpannedBytes;
        DeviceMemoryBytes = reader.Header.DeviceMemoryBytes.Count == 0 ? 0 : reader.Header.DeviceMemoryBytes[0];
        Recorded = RecordedSettings.Of(reader.Header);
        Devices = Math.Max(footprint.LastDevice + 1, Recorded is null ? 0 : reader.Header.DeviceMemoryBytes.Count);
        Figures = footprint.Figures;
        LostRecords = footprint.LostRecords;
        Problem = reader.Problem;
        Description = $"{Path.GetFileName(path)}: {reader.Header.Source}, {reader.Records} records{(UsesFaults ? ", faults in place of accesses" : "")}";
    }

    /// <inheritdoc/>
    public string Description { get; }

    /// <inheritdoc/>
    public long FootprintBytes { get; }

    /// <summary>Bytes of the 2 MiB blocks of which it touches something.</summary>
    public long SpannedBytes { get; }

    /// <summary>How many devices it needs.</summary>
    public int Devices { get; }

    /// <summary>Why it ends before its end; empty for a whole one.</summary>
    public string Problem { get; }

    /// <summary>The memory of each device of the run, in bytes; 0 for not known.</summary>
    public long DeviceMemoryBytes { get; }

    /// <summary>What the run depended on; null for a trace that is no recording.</summary>
    public RecordedSettings? Recorded { get; }

    /// <summary>What the run came to, as its events say.</summary>
    public RunFigures Figures { get; }

    /// <summary>Records that it lacks because the program was faster than the recording.</summary>
    public long LostRecords { get; }

    /// <summary>Whether its faults stand for accesses, because it has no others.</summary>
    public bool UsesFaults { get; }

    /// <summary>Whether it tells of migrations, so that it says itself what moved when it was taken.</summary>
    public bool HasMigrations { get; }

    /// <summary>What it says of itself.</summary>
    public TraceHeader Header { get; }

    /// <summary>Gives its records as they are, events and all.</summary>
    /// <param name="sink">Who gets them.</param>
    public void ReadTo(ITraceSink sink)
    {
        using TraceReader reader = TraceReader.Open(_path);
        reader.ReadTo(sink);
    }

    /// <inheritdoc/>
    public void Generate(ITraceSink sink) => ReadTo(UsesFaults ? new FaultsAsAccesses(sink) : sink);
}
