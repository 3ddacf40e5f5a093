// SPDX-License-Identifier: MIT
using GpuSvm.Traces;

namespace GpuSvm.Cli.Commands;

/// <summary>What goes wrong with files that are read and written, as one line with a remedy.</summary>
internal static class TraceFileErrors
{
    /// <summary>Runs something that reads one file and writes another.</summary>
    /// <param name="input">The one that is read.</param>
    /// <param name="output">The one that is written.</param>
    /// <param name="work">What to do.</param>
    /// <exception cref="InputException">One of them cannot be used.</exception>
    public static int Guard(string input, string output, Func<int> work)
    {
        if (Directory.Exists(input) || !File.Exists(input))
            throw new InputException($"{input}: no such file; name the file to read");
        if (Directory.Exists(output) || Path.GetDirectoryName(Path.GetFullPath(output)) is { } folder && !Directory.Exists(folder))
            throw new InputException($"{output}: {(Directory.Exists(output) ? "is a folder" : "there is no such folder")}; name a file in a folder that exists with -o");
        try
        {
            return work();
        }
        catch (TraceFileException e)
        {
            throw new InputException(e.Message, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{e.Message.TrimEnd('.')}; check {input} and {output}, their permissions, and the room on the disk", e);
        }
    }
}
