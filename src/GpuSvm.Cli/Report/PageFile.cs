// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Report;

/// <summary>Writes pages for a browser to files.</summary>
internal static class PageFile
{
    /// <summary>Checks before the work begins that the file can be written.</summary>
    /// <param name="path">The file, or null.</param>
    /// <exception cref="InputException">The folder does not exist, or the path is a folder.</exception>
    public static void Check(string? path)
    {
        if (path is not null && (Directory.Exists(path) || Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder && !Directory.Exists(folder)))
            throw new InputException($"{path}: the page cannot be written there; give a file in an existing folder");
    }

    /// <summary>Writes a page.</summary>
    /// <param name="path">The file.</param>
    /// <param name="write">What writes it.</param>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public static void Write(string path, Action<TextWriter> write)
    {
        try
        {
            using var writer = new StreamWriter(path);
            write(writer);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path}: the page cannot be written ({e.Message.TrimEnd('.')}); check its permissions, and the room on the disk", e);
        }
    }
}
