// SPDX-License-Identifier: MIT
using GpuSvm.Core.Host;

namespace GpuSvm.Core.Svm;

/// <summary>Who holds device mappings in a <see cref="SvmNotifier"/>'s interval, and gives them up when the host side changes. Kernel: drm_gpusvm_ops.invalidate.</summary>
public interface ISvmNotifierClient
{
    /// <summary>Begins to stop all device access to what an event touches: nothing new may use it, and what pages objects say is no longer valid.</summary>
    /// <param name="notifier">The notifier hit.</param>
    /// <param name="mmuEvent">What happens, clipped to the notifier's interval.</param>
    /// <remarks>Locking: called with the notifier's lock held for write. Must not allocate, wait, call the host memory, or take Vm, Range or Host.</remarks>
    void InvalidateStart(SvmNotifier notifier, in MmuEvent mmuEvent);

    /// <summary>Waits until no unit uses what <see cref="InvalidateStart"/> took away, and unmaps the pages objects concerned.</summary>
    /// <param name="notifier">The notifier hit.</param>
    /// <param name="mmuEvent">The same event.</param>
    /// <remarks>Locking: called with nothing of rank Notifier or deeper held; waits with nothing held, and takes Notifier for write after.</remarks>
    void InvalidateFinish(SvmNotifier notifier, in MmuEvent mmuEvent);
}
