// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Core.Svm;

/// <summary>What the driver above a mirror provides. Kernel: struct drm_gpusvm_ops.</summary>
public interface ISvmMirrorOwner
{
    /// <summary>Makes a range object, with what the driver keeps beside it.</summary>
    /// <param name="notifier">The notifier window it will live in.</param>
    /// <param name="interval">Its interval.</param>
    /// <param name="isMigratable">Whether its pages may move to a device.</param>
    /// <returns>The range.</returns>
    SvmRange CreateRange(SvmNotifier notifier, AddressRange interval, bool isMigratable);

    /// <summary>Begins to stop all device access to what an event touches: nothing new may use it, and what pages objects say is no longer valid.</summary>
    /// <param name="notifier">The window hit.</param>
    /// <param name="mmuEvent">What happens, clipped to the window.</param>
    /// <remarks>Locking: called with the notifier's lock held for write. Must not allocate, wait, call the host memory, or take Vm, Range or Host.</remarks>
    void InvalidateStart(SvmNotifier notifier, in MmuEvent mmuEvent);

    /// <summary>Waits until no unit uses what <see cref="InvalidateStart"/> took away, and unmaps the pages objects concerned.</summary>
    /// <param name="notifier">The window hit.</param>
    /// <param name="mmuEvent">The same event.</param>
    /// <remarks>Locking: called with nothing of rank Notifier or deeper held; waits with nothing held, and takes Notifier for write after.</remarks>
    void InvalidateFinish(SvmNotifier notifier, in MmuEvent mmuEvent);
}
