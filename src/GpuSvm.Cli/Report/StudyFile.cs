// SPDX-License-Identifier: MIT
using System.Text.Json;
using GpuSvm.Lab.Studies;

namespace GpuSvm.Cli.Report;

/// <summary>
/// The rows of a study as lines of JSON, written as they come: a study that was stopped goes on where it was. A last line that was cut off is written anew, and so is what another version of the tool has
/// written, or this one of other traces or another graph.
/// </summary>
internal sealed class StudyFile : IDisposable
{
    /// <summary>Where rows go; null where they are kept nowhere.</summary>
    private readonly StreamWriter? _writer;

    /// <summary>What every row says that it was made by.</summary>
    private readonly string _madeBy;

    /// <summary>Opens a file and reads what is in it.</summary>
    /// <param name="path">The file, or null.</param>
    /// <param name="madeBy">The version of the tool and the fingerprint of what it reads: rows that say otherwise do not count.</param>
    /// <exception cref="InputException">It is no such file, or cannot be written.</exception>
    public StudyFile(string? path, string madeBy)
    {
        _madeBy = madeBy;
        if (path is null)
            return;
        try
        {
            var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
            Done = [.. Read(path, file, out var good).Where(row => row.MadeBy == madeBy).Select(row => row with { MadeBy = null })];
            file.SetLength(good);
            file.Position = good;
            _writer = new StreamWriter(file) { AutoFlush = true };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"--results {path}: cannot be written ({e.Message.TrimEnd('.')}); give a file in an existing folder that no other study writes", e);
        }
    }

    /// <summary>The rows that were there.</summary>
    public IReadOnlyList<StudyRow> Done { get; } = [];

    /// <summary>Reads the rows of a study that is not to go on.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InputException">It cannot be read, or has no rows.</exception>
    public static IReadOnlyList<StudyRow> ReadAll(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            var rows = Read(path, file, out _);
            return rows.Count > 0 ? rows : throw new InputException($"{path}: has no row of a study; make some with gpusvm compare --results {path}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path}: cannot be read ({e.Message.TrimEnd('.')}); give the file of gpusvm compare --results", e);
        }
    }

    /// <summary>Adds a row.</summary>
    /// <param name="row">The row.</param>
    public void Add(StudyRow row) => _writer?.WriteLine(JsonSerializer.Serialize(row with { MadeBy = _madeBy }, StudyJson.Default.StudyRow));

    /// <inheritdoc/>
    public void Dispose() => _writer?.Dispose();

    /// <summary>Reads whole lines.</summary>
    /// <param name="path">The file's name.</param>
    /// <param name="file">The file.</param>
    /// <param name="good">Bytes up to the end of the last whole line.</param>
    private static List<StudyRow> Read(string path, FileStream file, out long good)
    {
        var bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        var rows = new List<StudyRow>();
        good = 0;
        for (int end; (end = Array.IndexOf(bytes, (byte)'\n', (int)good)) >= 0; good = end + 1)
        {
            try
            {
                rows.Add(JsonSerializer.Deserialize(bytes.AsSpan((int)good, end - (int)good), StudyJson.Default.StudyRow) ?? throw new JsonException("nothing"));
            }
            catch (JsonException e)
            {
                throw new InputException($"{path}: line {rows.Count + 1} is no row of a study ({e.Message}); give another file, or remove that line", e);
            }
        }

        return rows;
    }
}
