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

    /// <summary>Stops all device access to what an event touches, and unmaps the affected pages objects.</summary>
    /// <param name="notifier">The window hit.</param>
    /// <param name="mmuEvent">What happens, clipped to the window.</param>
    /// <remarks>Locking: called with the notifier's lock held for write. May wait for TLB flushes; must not allocate, call the host memory, or take Vm, Range or Host.</remarks>
    void Invalidate(SvmNotifier notifier, in MmuEvent mmuEvent);
}
