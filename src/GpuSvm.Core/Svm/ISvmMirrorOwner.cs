// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Svm;

/// <summary>What the driver above a mirror provides. Kernel: struct drm_gpusvm_ops.</summary>
public interface ISvmMirrorOwner : ISvmNotifierClient
{
    /// <summary>Makes a range object, with what the driver keeps beside it.</summary>
    /// <param name="notifier">The notifier window it will live in.</param>
    /// <param name="interval">Its interval.</param>
    /// <param name="isMigratable">Whether its pages may move to a device.</param>
    /// <returns>The range.</returns>
    SvmRange CreateRange(SvmNotifier notifier, AddressRange interval, bool isMigratable);

    /// <summary>Makes a notifier window, with what the driver keeps beside it.</summary>
    /// <param name="mirror">The mirror it will live in.</param>
    /// <param name="interval">Its interval.</param>
    /// <returns>The window; nothing may be in it yet.</returns>
    SvmNotifier CreateNotifier(SvmMirror mirror, AddressRange interval) => new(interval, this);
}
