// SPDX-License-Identifier: MIT
using System.IO.Compression;
using GpuSvm.Lab.Conformance;

namespace GpuSvm.Lab.Tests;

/// <summary>The recorded traces that lie beside the tests.</summary>
internal static class TraceArchive
{
    private static readonly Lazy<IReadOnlyList<Trace>> _traces = new(ReadAll);

    /// <summary>All traces, by name.</summary>
    public static IReadOnlyList<Trace> Traces => _traces.Value;

    /// <summary>Those of one family: what stands before the number in their names.</summary>
    public static IEnumerable<Trace> OfFamily(string family) => Traces.Where(trace => trace.Name[..trace.Name.LastIndexOf('-')] == family);

    /// <summary>Unpacks and reads the archive.</summary>
    private static List<Trace> ReadAll()
    {
        using Stream stream = typeof(TraceArchive).Assembly.GetManifestResourceStream("kernel-traces.zip")!;
        using var archive = new ZipArchive(stream);
        var traces = new List<Trace>();
        foreach (ZipArchiveEntry entry in archive.Entries)
        {
            using var text = new StreamReader(entry.Open());
            traces.Add(KernelTraceReader.Read(entry.FullName, text));
        }

        return traces;
    }
}
