// SPDX-License-Identifier: MIT
using System.IO.Enumeration;
using GpuSvm.Cli.Report;
using GpuSvm.Lab.Studies;

namespace GpuSvm.Cli.Studies;

/// <summary>`gpusvm compare` with --merge: the shares of a study, read and put together.</summary>
internal static class MergedStudy
{
    /// <summary>Reads and joins.</summary>
    /// <param name="names">Files, folders, and patterns of files.</param>
    /// <param name="console">Where what was there twice is told of.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <returns>The rows of the whole study.</returns>
    /// <exception cref="InputException">There are no files, or they do not make a whole study.</exception>
    public static IReadOnlyList<StudyRow> Read(IReadOnlyList<string> names, ToolConsole console, Progress progress)
    {
        string[] files = [.. names.SelectMany(Files).Distinct().Order(StringComparer.Ordinal)];
        progress.Stage($"reading {files.Length} files");
        try
        {
            var rows = StudyMerge.Join(MergingContext.Load().Read(files), out var duplicates);
            if (duplicates > 0)
                console.WriteError($"{duplicates} rows are in several files, alike, and count once");
            return rows;
        }
        catch (StudyFileException e)
        {
            throw new InputException($"--merge: {e.Message}", e);
        }
    }

    /// <summary>The files that a word means.</summary>
    /// <param name="name">A file, a folder, or a pattern with * and ? in its last part.</param>
    private static string[] Files(string name)
    {
        if (File.Exists(name))
            return [Path.GetFullPath(name)];
        var isFolder = Directory.Exists(name);
        var folder = isFolder ? name : Path.GetDirectoryName(Path.GetFullPath(name))!;
        var pattern = isFolder ? "*" + StudyResults.ParquetSuffix : Path.GetFileName(name);
        if (!Directory.Exists(folder))
            throw new InputException($"--merge {name}: no such file or folder");
        string[] found = [.. Directory.EnumerateFiles(Path.GetFullPath(folder)).Where(file => FileSystemName.MatchesSimpleExpression(pattern, Path.GetFileName(file), ignoreCase: false))];
        return found.Length > 0 ? found : throw new InputException($"--merge {name}: {(isFolder ? $"the folder has no {pattern}" : "no such file")}; name the files that shares were written to with --results");
    }
}
