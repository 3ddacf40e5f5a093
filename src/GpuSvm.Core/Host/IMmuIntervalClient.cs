// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Host;

/// <summary>Who hears what a <see cref="MmuIntervalNotifier"/> has to say. Kernel: struct mmu_interval_notifier_ops.</summary>
public interface IMmuIntervalClient
{
    /// <summary>
    /// An event touches the notifier's interval. Must take its own lock for write, call <see cref="MmuIntervalNotifier.SetSequence"/>, and stop all
    /// device access to the interval before it returns.
    /// </summary>
    /// <param name="notifier">The notifier hit.</param>
    /// <param name="mmuEvent">What happens.</param>
    /// <param name="sequence">The sequence to store; odd.</param>
    /// <remarks>Locking: called with no lock of rank Notifier or deeper held.</remarks>
    void Invalidate(MmuIntervalNotifier notifier, in MmuEvent mmuEvent, long sequence);
}
