// SPDX-License-Identifier: MIT
using GpuSvm.Cli.Report;
using GpuSvm.Lab.Studies;

namespace GpuSvm.Cli.Studies;

/// <summary>
/// Where the rows of a study or a share are kept: as lines of JSON while they come, for a Parquet file cannot grow safely, and where the name says so as Parquet at the end, beside the lines. A study that
/// was stopped goes on from the lines; the Parquet file is there only once it is complete.
/// </summary>
internal sealed class StudyResults : IDisposable
{
    /// <summary>Ends the names of Parquet files.</summary>
    public const string ParquetSuffix = ".parquet";

    private readonly string? _parquet;
    private readonly StudyOrigin _origin;

    /// <summary>Opens what is there.</summary>
    /// <param name="path">--results: a file of lines, a Parquet file, or a folder, which ends in a slash or exists; null for nowhere.</param>
    /// <param name="origin">What the rows are of.</param>
    /// <param name="files">The fingerprint of what the study reads.</param>
    /// <exception cref="InputException">It cannot be written, or is no such file.</exception>
    public StudyResults(string? path, StudyOrigin origin, string files)
    {
        _origin = origin;
        if (path is not null && (path.EndsWith('/') || Directory.Exists(path)))
            path = Path.Combine(MakeFolder(path), $"share-{origin.Share.Number + 1}-of-{origin.Share.Count}{ParquetSuffix}");
        if (path is not null && path.EndsWith(ParquetSuffix, StringComparison.Ordinal))
            (_parquet, path) = (path, Path.ChangeExtension(path, ".jsonl"));
        Lines = new StudyFile(path, $"{origin.Version} {files}");
    }

    /// <summary>The lines.</summary>
    public StudyFile Lines { get; }

    /// <summary>Writes the Parquet file, if one was asked for.</summary>
    /// <param name="rows">All rows of the share, each with its place in the study.</param>
    /// <exception cref="InputException">It cannot be written.</exception>
    public void Complete(IReadOnlyList<(int Index, StudyRow Row)> rows)
    {
        if (_parquet is null)
            return;
        try
        {
            StudyParquet.Write(_parquet, _origin, rows);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"--results {_parquet}: cannot be written ({e.Message.TrimEnd('.')}); the rows are kept beside it: make room, and give the same command again", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Lines.Dispose();

    /// <summary>Makes the folder for results.</summary>
    private static string MakeFolder(string path)
    {
        try
        {
            return Directory.CreateDirectory(path).FullName;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"--results {path}: no such folder, and it cannot be made ({e.Message.TrimEnd('.')})", e);
        }
    }
}
