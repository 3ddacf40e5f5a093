// SPDX-License-Identifier: MIT
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace GpuSvm.Cli.Report;

/// <summary>Writes a report as JSON to a file, or to standard output for "-".</summary>
internal static class JsonFile
{
    /// <summary>Whether a --json value means standard output, which then carries nothing else.</summary>
    /// <param name="path">The option's value, or null if it was not given.</param>
    public static bool IsStandardOutput(string? path) => path == "-";

    /// <summary>Checks before the work begins that the file can be written, so that a long run is not lost to a typing error.</summary>
    /// <param name="path">The option's value, or null.</param>
    /// <exception cref="InputException">The folder does not exist, or the path is a folder.</exception>
    public static void Check(string? path)
    {
        if (path is null || IsStandardOutput(path))
            return;
        var folder = Path.GetDirectoryName(Path.GetFullPath(path));
        if (Directory.Exists(path) || (folder is not null && !Directory.Exists(folder)))
            throw new InputException($"--json {path}: cannot be written there; give a file in an existing folder, or - for standard output");
    }

    /// <summary>Writes the report with a line end behind it.</summary>
    /// <param name="path">The option's value; null writes nothing.</param>
    /// <param name="report">What to write.</param>
    /// <param name="type">Its generated serializer.</param>
    /// <param name="console">Where "-" goes.</param>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public static void Write<T>(string? path, T report, JsonTypeInfo<T> type, ToolConsole console)
    {
        if (path is null)
            return;
        var text = JsonSerializer.Serialize(report, type);
        if (IsStandardOutput(path))
        {
            console.Output.WriteLine(text);
            return;
        }

        try
        {
            File.WriteAllText(path, text + "\n");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"--json {path}: cannot be written ({e.Message.TrimEnd('.')})", e);
        }
    }
}
