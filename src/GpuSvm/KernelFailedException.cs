// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>
/// A kernel reported failure (<see cref="KernelContext.Fail"/>) or threw; what it threw is the <see cref="Exception.InnerException"/>. What its groups
/// wrote until then stays written.
/// </summary>
public sealed class KernelFailedException : SharedMemoryException
{
    /// <summary>Makes an exception without a sentence.</summary>
    public KernelFailedException()
        : this("The kernel failed.")
    {
    }

    /// <summary>Makes an exception with the kernel's sentence.</summary>
    /// <param name="message">What the kernel reported.</param>
    public KernelFailedException(string message)
        : base(StatusCode.KernelFailed, message)
    {
    }

    /// <summary>Makes an exception around what the kernel threw.</summary>
    /// <param name="message">What the kernel reported.</param>
    /// <param name="innerException">What it threw, or null if it did not throw.</param>
    public KernelFailedException(string message, Exception? innerException)
        : base(StatusCode.KernelFailed, message, innerException)
    {
    }
}
