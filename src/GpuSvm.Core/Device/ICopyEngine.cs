// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Device;

/// <summary>
/// Moves bytes between host pages and device frames. Work is queued and numbered; a fence value says that everything up to it is done.
/// </summary>
/// <remarks>Thread-safe. May be called with the Host lock held, never under the notifier lock.</remarks>
public interface ICopyEngine
{
    /// <summary>Queues a copy from host pages to device frames.</summary>
    /// <param name="source">The host bytes; must stay valid until the fence has passed.</param>
    /// <param name="destination">The first device frame.</param>
    /// <param name="pages">Base pages to copy, at least 1.</param>
    /// <param name="fence">What to wait for.</param>
    /// <returns><see cref="SvmStatus.Done"/> if queued, <see cref="SvmStatus.DeviceGone"/> or <see cref="SvmStatus.CopyFailed"/>.</returns>
    SvmStatus CopyToDevice(DmaPointer source, DeviceFrame destination, int pages, out ulong fence);

    /// <summary>Queues a copy from device frames to host pages.</summary>
    /// <param name="source">The first device frame.</param>
    /// <param name="destination">The host bytes; must stay valid until the fence has passed.</param>
    /// <param name="pages">Base pages to copy, at least 1.</param>
    /// <param name="fence">What to wait for.</param>
    /// <returns>As <see cref="CopyToDevice"/>.</returns>
    SvmStatus CopyToHost(DeviceFrame source, DmaPointer destination, int pages, out ulong fence);

    /// <summary>Queues a copy from this device's frames to a peer's memory, or to frames of its own.</summary>
    /// <param name="source">The first device frame.</param>
    /// <param name="destination">The peer's memory as the peer mapped it for this device; or this device's own, protocol <see cref="AddressProtocol.LocalMemory"/>.</param>
    /// <param name="pages">Base pages to copy, at least 1, at most the mapping's.</param>
    /// <param name="fence">What to wait for.</param>
    /// <returns>As <see cref="CopyToDevice"/>.</returns>
    SvmStatus CopyToPeer(DeviceFrame source, DeviceAddress destination, int pages, out ulong fence);

    /// <summary>Queues zeroing device frames.</summary>
    /// <param name="destination">The first device frame.</param>
    /// <param name="pages">Base pages to zero, at least 1.</param>
    /// <param name="fence">What to wait for.</param>
    /// <returns>As <see cref="CopyToDevice"/>.</returns>
    SvmStatus Clear(DeviceFrame destination, int pages, out ulong fence);

    /// <summary>Waits until everything up to the fence has been done.</summary>
    /// <param name="fence">A value one of the calls gave; 0 is always done.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.CopyFailed"/> if one of the copies failed.</returns>
    SvmStatus Wait(ulong fence);
}
