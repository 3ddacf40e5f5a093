// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Races;
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Cli.Explore;

/// <summary>Pictures of schedules as files.</summary>
internal static class RaceFile
{
    /// <summary>Checks before the work begins that the file can be written.</summary>
    /// <param name="path">The option's value, or null.</param>
    /// <exception cref="InputException">The folder does not exist, or the path is a folder.</exception>
    public static void Check(string? path)
    {
        if (path is not null && (Directory.Exists(path) || !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path)))))
            throw new InputException($"--picture {path}: cannot be written there; give a file in an existing folder");
    }

    /// <summary>Draws a schedule.</summary>
    /// <param name="path">Where to; null for nowhere.</param>
    /// <param name="program">What was explored.</param>
    /// <param name="decisions">The schedule.</param>
    public static void Write(string? path, IExploredProgram program, string decisions)
    {
        if (path is not null)
            Write(path, RaceRecord.OfReplay(program, DecisionString.Parse(decisions)));
    }

    /// <summary>Draws a recorded schedule.</summary>
    /// <param name="path">Where to; null for nowhere.</param>
    /// <param name="record">The schedule.</param>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public static void Write(string? path, RaceRecord record)
    {
        if (path is null)
            return;
        try
        {
            using var writer = new StreamWriter(path);
            RacePage.Write(writer, record);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"--picture {path}: cannot be written ({e.Message.TrimEnd('.')})", e);
        }
    }
}
