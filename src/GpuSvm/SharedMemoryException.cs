// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>A call on shared memory failed. The message says what happened and, where there is one, the remedy; the bytes in shared arrays are intact.</summary>
public class SharedMemoryException : Exception
{
    /// <summary>Makes an exception without a specific reason.</summary>
    public SharedMemoryException()
        : this(StatusCode.NotSupported, "The call on shared memory failed.")
    {
    }

    /// <summary>Makes an exception with a sentence.</summary>
    /// <param name="message">What happened.</param>
    public SharedMemoryException(string message)
        : this(StatusCode.NotSupported, message)
    {
    }

    /// <summary>Makes an exception with a sentence and its cause.</summary>
    /// <param name="message">What happened.</param>
    /// <param name="innerException">The cause.</param>
    public SharedMemoryException(string message, Exception innerException)
        : this(StatusCode.NotSupported, message, innerException)
    {
    }

    /// <summary>Makes an exception from a status of the library.</summary>
    /// <param name="status">The status, not <see cref="StatusCode.Done"/>.</param>
    /// <param name="message">What happened and what to do about it.</param>
    /// <param name="innerException">The cause, or null.</param>
    public SharedMemoryException(StatusCode status, string message, Exception? innerException = null)
        : base(message, innerException)
        => Status = status;

    /// <summary>The library's status, for programs that act on the reason.</summary>
    public StatusCode Status { get; }
}
