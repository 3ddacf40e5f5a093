// SPDX-License-Identifier: MIT
using GpuSvm.Core;

namespace GpuSvm.Native;

/// <summary>A call into the library cannot be done; carries the status and the sentence that C gets.</summary>
/// <param name="status">Why, not done.</param>
/// <param name="message">What happened and the remedy.</param>
internal sealed class SessionException(SvmStatus status, string message) : Exception(message)
{
    /// <summary>What the call answers.</summary>
    public SvmStatus Status { get; } = status;
}
