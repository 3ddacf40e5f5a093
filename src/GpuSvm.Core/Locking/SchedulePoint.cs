// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Locking;

/// <summary>
/// Marks the places where the order of threads can matter: every lock, wait and sequence read. A test or an explorer installs a hook and decides who goes
/// on; in the product the call folds away with <see cref="CoreSwitches.Checks"/>.
/// </summary>
public static class SchedulePoint
{
    private static Action<SchedulePointKind, object?>? _hook;

    /// <summary>Installs the process-wide hook, or removes it.</summary>
    /// <param name="hook">Called on the thread that reaches a point, with the kind and the object concerned; null for none.</param>
    /// <returns>The hook that was installed before.</returns>
    public static Action<SchedulePointKind, object?>? Install(Action<SchedulePointKind, object?>? hook) => Interlocked.Exchange(ref _hook, hook);

    /// <summary>Whether a hook is installed: interleavings are being forced.</summary>
    public static bool HasHook => Volatile.Read(ref _hook) is not null; // Pairs with the exchange in Install.

    /// <summary>Says that this thread has reached a point.</summary>
    /// <param name="kind">Which.</param>
    /// <param name="subject">The object concerned, if any.</param>
    public static void Reach(SchedulePointKind kind, object? subject)
    {
        if (!CoreSwitches.Checks || Volatile.Read(ref _hook) is not { } hook) // Pairs with the exchange in Install.
            return;
        using (AllocationWatch.Pause())
            hook(kind, subject);
    }
}
