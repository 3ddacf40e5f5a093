// SPDX-License-Identifier: MIT
using System.Text;
using GpuSvm.Interop;

namespace GpuSvm;

/// <summary>How a launch ended.</summary>
/// <param name="Status">Done, or why not.</param>
/// <param name="Address">The address that failed it, or 0.</param>
/// <param name="Access">What was wanted there.</param>
/// <param name="Elapsed">From the launch to the last group's end.</param>
/// <param name="Message">One sentence; empty if done.</param>
internal sealed record LaunchOutcome(StatusCode Status, nint Address, KernelAccess Access, TimeSpan Elapsed, string Message)
{
    /// <summary>Waits for a launch in the library and reads its end, which releases the handle.</summary>
    /// <param name="handle">The library's handle.</param>
    /// <param name="milliseconds">How long to wait at most.</param>
    /// <returns>The outcome, or null if the time ran out.</returns>
    public static unsafe LaunchOutcome? TryRead(ulong handle, uint milliseconds)
    {
        NativeLaunchResult result = default;
        result.StructBytes = (uint)sizeof(NativeLaunchResult);
        // SAFETY: the result lives on this stack frame during the call.
        int status = NativeMethods.gpusvm_launch_wait(handle, milliseconds, &result);
        if (status == (int)StatusCode.TimedOut)
            return null;
        if (status is (int)StatusCode.InvalidArgument or (int)StatusCode.InvalidHandle)
            throw NativeErrors.ExceptionFor(status);
        string message = Encoding.UTF8.GetString(System.Runtime.InteropServices.MemoryMarshal.CreateReadOnlySpanFromNullTerminated(result.Message));
        return new LaunchOutcome((StatusCode)result.Status, (nint)result.FaultAddress, (KernelAccess)result.FaultAccess, NativeErrors.Time(result.ElapsedNs), message);
    }
}
