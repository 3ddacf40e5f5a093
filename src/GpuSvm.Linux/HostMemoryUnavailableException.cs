// SPDX-License-Identifier: MIT
namespace GpuSvm.Linux;

/// <summary>This machine, container or account does not allow real shared memory. The message says what stands in the way and the one command that
/// removes it.</summary>
public sealed class HostMemoryUnavailableException : Exception
{
    /// <summary>An exception without particulars.</summary>
    public HostMemoryUnavailableException()
    {
    }

    /// <summary>An exception that names obstacle and remedy.</summary>
    /// <param name="message">What stands in the way and what to do.</param>
    public HostMemoryUnavailableException(string message)
        : base(message)
    {
    }

    /// <summary>An exception that names obstacle and remedy, with its cause.</summary>
    /// <param name="message">What stands in the way and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public HostMemoryUnavailableException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
