// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Device;

/// <summary>
/// What runs on a device in one GPU address space, for a device or a mode without page faults: there a missing translation is an error of the kernel, so everything
/// is stopped before a translation goes that a job needs, and resumed when all are back. Kernel: quiesce_mm and resume_mm of amdkfd, the preempt fences of Xe.
/// </summary>
/// <remarks>Locking: calls are made by one stopper at a time as far as <see cref="BeginStop"/> and <see cref="Resume"/> go; several threads may wait at once.</remarks>
public interface IDeviceQueues
{
    /// <summary>Begins to stop: from the return on no unit begins an access in this address space. Nothing if they are stopped, or stopping.</summary>
    /// <remarks>Locking: no wait, no allocation; takes rank PageTable at the most.</remarks>
    void BeginStop();

    /// <summary>Waits until no unit is inside an access that it began before <see cref="BeginStop"/>: afterwards nothing uses a translation until <see cref="Resume"/>.</summary>
    /// <remarks>Locking: waits for units to end an access. They need no lock for that, so any may be held up to rank Host; nothing of rank Notifier.</remarks>
    void WaitStopped();

    /// <summary>Lets the units go on. Whoever calls it has seen every translation that a running job needs, and has failed the launches of those that lost theirs.</summary>
    /// <remarks>Locking: no wait.</remarks>
    void Resume();
}
