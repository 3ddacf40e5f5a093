// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>
/// Unwinds a managed kernel body after an access failed, up to the trampoline in <see cref="ManagedKernel"/>, which swallows it: the library knows the
/// status and the address already. A body that catches it gains nothing, for every further access of its group fails the same way.
/// </summary>
internal sealed class KernelAbortException : SharedMemoryException
{
    /// <summary>Makes the exception.</summary>
    /// <param name="status">What the access answered.</param>
    public KernelAbortException(StatusCode status)
        : base(status, "The kernel's access to shared memory failed; the launch reports the address.")
    {
    }
}
