// SPDX-License-Identifier: MIT
using GpuSvm.Core.Diagnostics;
using GpuSvm.Lab.Graphs;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Importing;

/// <summary>
/// Makes records of traces out of other tools' files. A file is read once, from its beginning, and never held in memory. What is wrong with it ends the import with the line and what
/// was wanted there; everything before it has been given to the sink by then.
/// </summary>
public static class TraceImport
{
    /// <summary>Imports a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="format">What it is.</param>
    /// <param name="sink">Gets the records.</param>
    /// <returns>How it went.</returns>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">As before.</exception>
    public static ImportResult Read(string path, ImportFormat format, ITraceSink sink)
    {
        ArgumentNullException.ThrowIfNull(sink);
        string name = Path.GetFileName(path);
        if (format != ImportFormat.Nsight)
        {
            using FileStream stream = File.OpenRead(path);
            return Read(stream, name, format, sink);
        }

        using (File.OpenRead(path))
        {
            // So that a file that cannot be read is an ordinary failure, and not one of the database.
        }

        var importer = new NsightImporter();
        var output = new ImportOutput(sink);
        string? problem = importer.Read(path, output);
        return new ImportResult(format, output.Records, importer.Rows, 0, problem is null ? "" : Describe(name, problem, output.Records));
    }

    /// <summary>Imports a text.</summary>
    /// <param name="stream">The text.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <param name="format">What it is; a format of lines.</param>
    /// <param name="sink">Gets the records.</param>
    /// <returns>How it went.</returns>
    public static ImportResult Read(Stream stream, string name, ImportFormat format, ITraceSink sink)
    {
        var output = new ImportOutput(sink);
        if (format == ImportFormat.RocmSummary)
        {
            string? wrong = new RocmImporter().Read(stream, output, out long read);
            wrong = wrong is not null ? Describe(name, wrong, output.Records) : output.Records == 0 ? NothingIn(name, read, format) : null;
            return new ImportResult(format, output.Records, read, 0, wrong ?? "");
        }

        ILineImporter importer = ImporterOf(format);
        var lines = new LineReader(stream);
        long skipped = 0;
        string problem = "";
        try
        {
            while (lines.TryRead(out ReadOnlySpan<byte> line))
                skipped += importer.Read(line, output) ? 0 : 1;
        }
        catch (ImportLineException e)
        {
            problem = $"line {lines.Line}: {e.Message}";
        }
        catch (GraphFormatException e)
        {
            problem = e.Message; // The reader of lines has named the line.
        }

        try
        {
            importer.End(output);
        }
        catch (ImportLineException e) when (problem.Length == 0)
        {
            problem = $"all of its {lines.Line} lines: {e.Message}";
        }
        catch (ImportLineException)
        {
            // What came of the lines before the damaged one is given on already; the damage is what is told.
        }

        problem = problem.Length > 0 ? Describe(name, problem, output.Records) : output.Records == 0 ? NothingIn(name, lines.Line, format) : "";
        return new ImportResult(format, output.Records, lines.Line, skipped, problem);
    }

    /// <summary>How many records the beginning of a text gives as a format, before anything is wrong.</summary>
    /// <param name="text">The beginning.</param>
    /// <param name="format">The format.</param>
    /// <returns>The records.</returns>
    internal static long CountRecords(ReadOnlySpan<byte> text, ImportFormat format) => Read(new MemoryStream(text.ToArray()), "", format, new NoSink()).Records;

    /// <summary>Makes the importer of a format of lines.</summary>
    /// <param name="format">The format.</param>
    /// <returns>The importer.</returns>
    private static ILineImporter ImporterOf(ImportFormat format) => format switch
    {
        ImportFormat.AddressList => new AddressListImporter(),
        ImportFormat.KfdSmi => new KfdSmiImporter(),
        ImportFormat.Nvprof => new NvprofImporter(),
        ImportFormat.XeLog => new XeLogImporter(),
        ImportFormat.UvmSmart => new UvmSmartImporter(),
        ImportFormat.UvmEval => new UvmEvalImporter(),
        ImportFormat.PageFaultLog => new PageFaultLogImporter(),
        ImportFormat.Cupti => new CuptiImporter(),
        ImportFormat.XeStats => new XeStatsImporter(),
        _ => throw new ArgumentOutOfRangeException(nameof(format), $"{format} is no format of lines."),
    };

    /// <summary>The complaint about a file that gives nothing.</summary>
    /// <param name="name">The file.</param>
    /// <param name="lines">Its lines.</param>
    /// <param name="format">What it was taken for.</param>
    /// <returns>One line.</returns>
    private static string NothingIn(string name, long lines, ImportFormat format) =>
        $"{name}: nothing in its {lines} lines is of the format {ImportFormats.NameOf(format)}; name another with --from ({string.Join(", ", ImportFormats.Names)})";

    /// <summary>What is wrong, for people.</summary>
    /// <param name="name">The file.</param>
    /// <param name="problem">Where and what.</param>
    /// <param name="records">How much is good.</param>
    /// <returns>One line.</returns>
    private static string Describe(string name, string problem, long records) => $"{name}, {problem}. The {records} records before it are good.";

    /// <summary>Takes records and keeps none.</summary>
    private sealed class NoSink : ITraceSink
    {
        /// <inheritdoc/>
        public void Access(in TraceAccess access)
        {
        }

        /// <inheritdoc/>
        public void Kernel(in TraceKernel kernel)
        {
        }

        /// <inheritdoc/>
        public void Mapping(in TraceMapping mapping)
        {
        }

        /// <inheritdoc/>
        public void Advice(in TraceAdvice advice)
        {
        }

        /// <inheritdoc/>
        public void Prefetch(in TracePrefetch prefetch)
        {
        }

        /// <inheritdoc/>
        public void Bind(in TraceBind bind)
        {
        }

        /// <inheritdoc/>
        public void Event(in SvmEvent one)
        {
        }
    }
}
