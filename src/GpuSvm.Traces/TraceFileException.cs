// SPDX-License-Identifier: MIT
namespace GpuSvm.Traces;

/// <summary>A file that is no trace, or one whose very beginning is damaged: nothing of it can be read. The message names the file, the offset and what to do.</summary>
public sealed class TraceFileException : Exception
{
    /// <summary>Makes the refusal.</summary>
    /// <param name="name">The file.</param>
    /// <param name="offset">Bytes from its beginning to what is wrong.</param>
    /// <param name="message">What is wrong, and what to do about it.</param>
    public TraceFileException(string name, long offset, string message)
        : base($"{name}, at byte {offset}: {message}") => Offset = offset;

    /// <summary>Bytes from the beginning of the file to what is wrong.</summary>
    public long Offset { get; }
}
