// SPDX-License-Identifier: MIT
using System.IO.Compression;

namespace GpuSvm.Lab.Conformance;

/// <summary>Finds and reads traces: files, folders of them, and zip archives.</summary>
public static class TraceFiles
{
    private const string Pattern = "*.txt";

    /// <summary>Reads all traces that a path names.</summary>
    /// <param name="path">A trace; a folder, whose .txt files are read in order of their names; or a .zip archive, whose .txt entries are.</param>
    /// <returns>The traces; none for a folder or archive without any.</returns>
    /// <exception cref="TraceFormatException">One is damaged.</exception>
    /// <exception cref="IOException">One cannot be read, or is not there.</exception>
    /// <exception cref="UnauthorizedAccessException">One may not be read.</exception>
    /// <exception cref="InvalidDataException">The archive is damaged.</exception>
    public static IReadOnlyList<Trace> Read(string path)
    {
        if (Directory.Exists(path))
            return [.. Directory.GetFiles(path, Pattern).Order(StringComparer.Ordinal).Select(ReadFile)];
        return path.EndsWith(".zip", StringComparison.OrdinalIgnoreCase) ? ReadArchive(path) : [ReadFile(path)];
    }

    /// <summary>Reads one file.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The trace, named like the file.</returns>
    private static Trace ReadFile(string path)
    {
        using var text = new StreamReader(path);
        return KernelTraceReader.Read(path, text);
    }

    /// <summary>Reads the entries of an archive.</summary>
    /// <param name="path">The archive.</param>
    /// <returns>The traces, each named like the archive and the entry.</returns>
    private static List<Trace> ReadArchive(string path)
    {
        var traces = new List<Trace>();
        using ZipArchive archive = ZipFile.OpenRead(path);
        foreach (ZipArchiveEntry entry in archive.Entries.OrderBy(entry => entry.FullName, StringComparer.Ordinal))
        {
            if (!entry.FullName.EndsWith(Pattern[1..], StringComparison.Ordinal))
                continue;
            using var text = new StreamReader(entry.Open());
            traces.Add(KernelTraceReader.Read($"{path}: {entry.FullName}", text));
        }

        return traces;
    }
}
