// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Host;

/// <summary>
/// Who hears what a <see cref="MmuIntervalNotifier"/> has to say, in two passes: every client of an event is started before the first one is finished, so that
/// the waits of several devices overlap. Kernel: struct mmu_interval_notifier_ops with its invalidate_start and invalidate_finish.
/// </summary>
public interface IMmuIntervalClient
{
    /// <summary>
    /// An event touches the notifier's interval. Must take its own lock for write, call <see cref="MmuIntervalNotifier.SetSequence"/>, and begin to stop all
    /// device access to the interval: nothing new may come to use what is there.
    /// </summary>
    /// <param name="notifier">The notifier hit.</param>
    /// <param name="mmuEvent">What happens.</param>
    /// <param name="sequence">The sequence to store; odd.</param>
    /// <returns>False to refuse an event that may not block; then nothing was changed and there is no second pass. True otherwise.</returns>
    /// <remarks>Locking: called with no lock of rank Notifier or deeper held.</remarks>
    bool InvalidateStart(MmuIntervalNotifier notifier, in MmuEvent mmuEvent, long sequence);

    /// <summary>Waits until no device uses what the first pass took away, and gives up what it held of it. When this returns the change is made.</summary>
    /// <param name="notifier">The notifier hit.</param>
    /// <param name="mmuEvent">The event, as in the first pass. Another event may have started in between, and must not be finished here.</param>
    /// <remarks>Locking: as the first pass. Called once for each first pass that returned true.</remarks>
    void InvalidateFinish(MmuIntervalNotifier notifier, in MmuEvent mmuEvent);
}
