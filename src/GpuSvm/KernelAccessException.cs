// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>A kernel touched an address that could not be served: outside any mapping, read-only, or out of memory. Only this launch failed.</summary>
public sealed class KernelAccessException : SharedMemoryException
{
    /// <summary>Makes an exception without an address.</summary>
    public KernelAccessException()
        : this("The kernel touched an address that cannot be served.")
    {
    }

    /// <summary>Makes an exception with a sentence only.</summary>
    /// <param name="message">What happened.</param>
    public KernelAccessException(string message)
        : base(StatusCode.NotMapped, message)
    {
    }

    /// <summary>Makes an exception with a sentence and a cause only.</summary>
    /// <param name="message">What happened.</param>
    /// <param name="innerException">The cause.</param>
    public KernelAccessException(string message, Exception innerException)
        : base(StatusCode.NotMapped, message, innerException)
    {
    }

    /// <summary>Makes an exception for a failed access.</summary>
    /// <param name="address">The address the kernel touched.</param>
    /// <param name="access">What it wanted there.</param>
    /// <param name="status">Why it was refused.</param>
    /// <param name="message">The sentence.</param>
    public KernelAccessException(nint address, KernelAccess access, StatusCode status, string message)
        : base(status, message)
    {
        Address = address;
        Access = access;
    }

    /// <summary>The address that failed the launch.</summary>
    public nint Address { get; }

    /// <summary>What the kernel wanted there.</summary>
    public KernelAccess Access { get; }
}
