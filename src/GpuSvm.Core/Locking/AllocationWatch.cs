// SPDX-License-Identifier: MIT
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Core.Locking;

/// <summary>
/// Notices what is allocated while a notifier lock is held (INV-25). Book-keeping that exists in checking builds only, and hooks of tests, are left out by a <see cref="Pause"/>.
/// Folds away with <see cref="CoreSwitches.Checks"/>.
/// </summary>
public static class AllocationWatch
{
    private const int Warm = 2; // A lock's first holds on a thread may load types and make static objects.

    [ThreadStatic]
    private static long _start; // Bytes allocated by this thread when its notifier lock was taken.

    [ThreadStatic]
    private static long _excused; // Bytes allocated in pauses since then.

    [ThreadStatic]
    private static int _breaches; // Holds in which something was allocated.

    /// <summary>A notifier lock has been taken.</summary>
    internal static void Begin()
    {
        _excused = 0;
        _start = GC.GetAllocatedBytesForCurrentThread();
    }

    /// <summary>It is about to be released.</summary>
    /// <param name="name">Its name.</param>
    internal static void End(string name)
    {
        long bytes = GC.GetAllocatedBytesForCurrentThread() - _start - _excused;
        if (bytes > 0 && ++_breaches > Warm)
            InvariantRecord.Require(false, "INV-25", $"{bytes} bytes were allocated while the lock '{name}' was held:{Environment.NewLine}{Environment.StackTrace}");
    }

    /// <summary>Begins a stretch that does not count; dispose the result at its end.</summary>
    /// <returns>The scope.</returns>
    public static Scope Pause() => new(CoreSwitches.Checks ? GC.GetAllocatedBytesForCurrentThread() : 0);

    /// <summary>A stretch that does not count.</summary>
    /// <param name="before">Bytes that the thread had allocated at its beginning.</param>
    public readonly ref struct Scope(long before)
    {
        private readonly long _before = before;

        /// <summary>Ends the stretch.</summary>
        public void Dispose()
        {
            if (CoreSwitches.Checks)
                _excused += GC.GetAllocatedBytesForCurrentThread() - _before;
        }
    }
}
