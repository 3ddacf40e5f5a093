// SPDX-License-Identifier: MIT
using Microsoft.Extensions.Logging;

namespace GpuSvm.Observing;

/// <summary>Counts and logs what nobody disposed. Finalizers call it, and do nothing else: they free nothing.</summary>
internal static class LeakReports
{
    private static long _arrays;
    private static long _memories;
    private static long _vms;

    /// <summary>Arrays of the process that the collector found undisposed.</summary>
    public static long Arrays => Interlocked.Read(ref _arrays);

    /// <summary>Memories of the process that the collector found undisposed.</summary>
    public static long Memories => Interlocked.Read(ref _memories);

    /// <summary>Address spaces of the process that the collector found undisposed.</summary>
    public static long Vms => Interlocked.Read(ref _vms);

    /// <summary>Reports an array.</summary>
    /// <param name="logger">Its memory's.</param>
    /// <param name="address">Its first byte.</param>
    /// <param name="bytes">Its length.</param>
    public static void Array(ILogger logger, nint address, nint bytes)
    {
        Interlocked.Increment(ref _arrays);
        Log(() => SvmLog.ArrayLeaked(logger, address, bytes));
    }

    /// <summary>Reports a memory.</summary>
    /// <param name="logger">Its own.</param>
    public static void Memory(ILogger logger)
    {
        Interlocked.Increment(ref _memories);
        Log(() => SvmLog.MemoryLeaked(logger));
    }

    /// <summary>Reports an address space.</summary>
    /// <param name="logger">Its memory's.</param>
    public static void Vm(ILogger logger)
    {
        Interlocked.Increment(ref _vms);
        Log(() => SvmLog.VmLeaked(logger));
    }

    /// <summary>Logs on the finalizer thread, where an exception would end the process: a logger may have been disposed by then.</summary>
    /// <param name="log">What to log.</param>
    private static void Log(Action log)
    {
        try
        {
            log();
        }
#pragma warning disable CA1031 // The count is the report that always works.
        catch (Exception)
#pragma warning restore CA1031
        {
            // Nobody is there to be told.
        }
    }
}
