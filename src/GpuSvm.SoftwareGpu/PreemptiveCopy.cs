// SPDX-License-Identifier: MIT
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GpuSvm.SoftwareGpu.Interop;

namespace GpuSvm.SoftwareGpu;

/// <summary>
/// Copies that may touch the program's shared memory. They go through an ordinary P/Invoke, so that a page fault inside one stops a thread that the
/// garbage collector does not wait for. Windows has no memory that faults to us, so the base library's copy will do there.
/// </summary>
public static unsafe class PreemptiveCopy
{
    /// <summary>Copies bytes between places that do not overlap.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="source">Where from.</param>
    /// <param name="bytes">How many.</param>
    /// <remarks>Not inlined: the frame of a P/Invoke is set up on entry of whatever method contains it, also where it is not called.</remarks>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Copy(void* destination, void* source, ulong bytes)
    {
        // SAFETY: the caller owns both intervals, or holds the translation that keeps them, for the length of the call.
        if (OperatingSystem.IsWindows())
            NativeMemory.Copy(source, destination, (nuint)bytes);
        else
            _ = LibC.memcpy(destination, source, (nuint)bytes);
    }

    /// <summary>Zeroes bytes.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="bytes">How many.</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Clear(void* destination, ulong bytes)
    {
        // SAFETY: as for Copy.
        if (OperatingSystem.IsWindows())
            NativeMemory.Clear(destination, (nuint)bytes);
        else
            _ = LibC.memset(destination, 0, (nuint)bytes);
    }
}
