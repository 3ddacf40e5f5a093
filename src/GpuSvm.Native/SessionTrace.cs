// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Traces;

namespace GpuSvm.Native;

/// <summary>The recording of a session: the file, and what the launches are called in it.</summary>
/// <remarks>Locking: <see cref="Begin"/> and <see cref="End"/> may be called by any thread.</remarks>
/// <param name="recorder">Who writes.</param>
/// <param name="path">The file, for messages.</param>
/// <param name="isVariables">Whether the environment's variable began it.</param>
internal sealed class SessionTrace(RunRecorder recorder, string path, bool isVariables)
{
    /// <summary>The environment's variable that names a file for every memory that the process opens.</summary>
    public const string Variable = "GPUSVM_TRACE";

    private const int MostFiles = 10_000;

    private long _launches; // Interlocked.

    /// <summary>Who writes.</summary>
    public RunRecorder Recorder { get; } = recorder;

    /// <summary>Whether the environment's variable began it: then one that the program begins takes its place.</summary>
    public bool IsVariables { get; } = isVariables;

    /// <summary>Creates the file of a recording that the program begins; one of that name is overwritten.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The file, empty; throws a <see cref="SessionException"/> if it cannot be written.</returns>
    public static FileStream Create(string path) => Open(path, FileMode.Create)!;

    /// <summary>Creates the file of a recording that the environment's variable asks for. None is overwritten: the second memory of a process, or a second process, gets a number into the name.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The file, empty; throws a <see cref="SessionException"/> if it cannot be written.</returns>
    public static FileStream CreateNext(string path)
    {
        for (int number = 1; number <= MostFiles; number++)
        {
            if (Open(NumberedPath(path, number), FileMode.CreateNew) is { } file)
                return file;
        }

        throw new SessionException(SvmStatus.InvalidArgument, $"{Variable}: {path} and {MostFiles} files beside it exist already: remove them.");
    }

    /// <summary>The name of a process's or a command's so many-th file.</summary>
    /// <param name="path">The name that was asked for.</param>
    /// <param name="number">1 for that itself.</param>
    /// <returns>"run.gsvmtrace", "run-2.gsvmtrace".</returns>
    private static string NumberedPath(string path, int number) => number == 1 ? path
        : Path.Combine(Path.GetDirectoryName(path) ?? "", $"{Path.GetFileNameWithoutExtension(path)}-{number}{Path.GetExtension(path)}");

    /// <summary>Numbers a launch and tells that it begins.</summary>
    /// <param name="kernel">The kernel's address.</param>
    /// <param name="device">Where it runs.</param>
    /// <returns>Its number.</returns>
    public long Begin(nint kernel, int device)
    {
        long number = Interlocked.Increment(ref _launches) - 1;
        Recorder.Kernel(number, device, isEnd: false, $"kernel at {kernel:x}");
        return number;
    }

    /// <summary>Tells that a launch ends.</summary>
    /// <param name="number">Its number.</param>
    /// <param name="device">Where it ran.</param>
    public void End(long number, int device) => Recorder.Kernel(number, device, isEnd: true, "");

    /// <summary>Ends the recording; throws a <see cref="SessionException"/> if not all of it could be written.</summary>
    public void Stop()
    {
        Recorder.Stop();
        if (Recorder.Failure is { } failure)
            throw new SessionException(SvmStatus.CopyFailed, $"The trace {path} could not be written to its end: {failure.Message.TrimEnd('.')}. The {Recorder.Records} records before that can be read.");
        if (Log.Wants(LogLevel.Info))
            Log.Write(LogLevel.Info, $"The trace {path} is complete: {Recorder.Records} records, {Recorder.Bytes} bytes, {Recorder.Lost} lost.");
    }

    /// <summary>Opens a file to write.</summary>
    /// <param name="path">The file.</param>
    /// <param name="mode">Whether it may exist.</param>
    /// <returns>The file; null if it exists and may not.</returns>
    private static FileStream? Open(string path, FileMode mode)
    {
        try
        {
            return new FileStream(path, mode, FileAccess.Write, FileShare.Read, bufferSize: 0); // The writer hands over whole blocks.
        }
        catch (IOException) when (mode == FileMode.CreateNew && File.Exists(path))
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new SessionException(SvmStatus.InvalidArgument, $"The trace {path} cannot be written: {e.Message.TrimEnd('.')}. Name a file in a folder that exists and may be written.");
        }
    }
}
