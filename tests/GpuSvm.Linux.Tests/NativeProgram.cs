// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core.Addressing;

namespace GpuSvm.Linux.Tests;

/// <summary>The functions of Native/program.c. Each call leaves the thread in preemptive mode, so that it may fault on the heap.</summary>
internal static unsafe class NativeProgram
{
    private static readonly Lazy<nint> _library = new(() => NativeLibrary.Load(NativeCompiler.Build("program.c", "-O2 -fPIC -shared -pthread")));

    /// <summary>Adds 1 to a 64-bit counter so many times with plain loads and stores.</summary>
    public static void Increment(VirtualAddress counter, ulong times) =>
        ((delegate* unmanaged<ulong, ulong, void>)Export("program_increment"))(counter.Value, times); // SAFETY: signature as in program.c; so below.

    /// <summary>Nanoseconds that one load takes.</summary>
    public static ulong TimedLoad(VirtualAddress address) => ((delegate* unmanaged<ulong, ulong>)Export("program_timed_load"))(address.Value);

    /// <summary>The address of the timed load, for loops that must not look it up each time.</summary>
    public static delegate* unmanaged<ulong, ulong> TimedLoadFunction => (delegate* unmanaged<ulong, ulong>)Export("program_timed_load");

    /// <summary>From now on SIGBUS and SIGSEGV inside <see cref="Try"/> are answers; elsewhere they go where they went before.</summary>
    public static void CatchSignals() => ((delegate* unmanaged<void>)Export("program_catch_signals"))();

    /// <summary>Undoes <see cref="CatchSignals"/>.</summary>
    public static void ReleaseSignals() => ((delegate* unmanaged<void>)Export("program_release_signals"))();

    /// <summary>Loads or stores one byte.</summary>
    /// <returns>0, or the signal that ended the access.</returns>
    public static int Try(VirtualAddress address, bool write) =>
        ((delegate* unmanaged<ulong, int, int>)Export("program_try"))(address.Value, write ? 1 : 0);

    /// <summary>Has a forked child load one byte.</summary>
    /// <returns>0, or the signal that ended the child.</returns>
    public static int ChildReads(VirtualAddress address) => ((delegate* unmanaged<ulong, int>)Export("program_child_reads"))(address.Value);

    /// <summary>Forks a child that sleeps.</summary>
    /// <returns>Its process id.</returns>
    public static int ForkSleeper() => ((delegate* unmanaged<int>)Export("program_fork_sleeper"))();

    /// <summary>Ends a child.</summary>
    public static void Kill(int child) => ((delegate* unmanaged<int, void>)Export("program_kill"))(child);

    /// <summary>Pins pages as a device's DMA does.</summary>
    /// <returns>A handle, or -1 if this kernel does not let us.</returns>
    public static int Pin(AddressRange interval) =>
        ((delegate* unmanaged<ulong, ulong, int>)Export("program_pin"))(interval.Start.Value, (ulong)interval.Bytes);

    /// <summary>Lets pinned pages go.</summary>
    public static void Unpin(int handle) => ((delegate* unmanaged<int, void>)Export("program_unpin"))(handle);

    /// <summary>An exported function.</summary>
    private static nint Export(string name) => NativeLibrary.GetExport(_library.Value, name);
}
