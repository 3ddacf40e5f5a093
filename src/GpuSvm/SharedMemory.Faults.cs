// SPDX-License-Identifier: MIT
using GpuSvm.Interop;

namespace GpuSvm;

/// <content>The faults that were refused.</content>
public sealed partial class SharedMemory
{
    private const int MostFaults = 64;

    /// <summary>Takes the faults that were refused since this was last called, oldest first: with many units failing at once, those beside the one that the launch reports.</summary>
    /// <param name="dropped">How many more there were: the list keeps the first 64.</param>
    /// <returns>The faults.</returns>
    public unsafe FailedFault[] TakeFailedFaults(out long dropped)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var faults = new FailedFault[MostFaults];
        ulong taken;
        ulong lost;
        // SAFETY: pinned during the call, which writes at most its length.
        fixed (FailedFault* buffer = faults)
            NativeErrors.Check(NativeMethods.gpusvm_take_failed_faults(_handle, buffer, (uint)sizeof(FailedFault), MostFaults, out taken, out lost));
        dropped = (long)lost;
        return faults[..(int)taken];
    }
}
