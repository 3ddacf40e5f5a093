// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Device;

/// <summary>
/// A device's access counters for one GPU address space: who has used a region as often as the threshold says puts a notification into a bounded buffer, and goes on; nobody waits for it.
/// Kernel: UVM's access counter notification buffer, which is one for all address spaces and tells physical addresses.
/// </summary>
/// <remarks>
/// A region that has been told of is silent until its counter is cleared. Counts are advice: a device with more regions in use than it has counters forgets some.
///
/// Thread-safe. Locking: implementations take no lock with a rank.
/// </remarks>
public interface IAccessCounterBuffer
{
    /// <summary>The most doublings that <see cref="Clear"/> keeps: the threshold times 4096.</summary>
    const int MaxDoublings = 12;

    /// <summary>Notifications that found no place. Their regions are counted from the beginning, and come again if they stay in use.</summary>
    long Dropped { get; }

    /// <summary>Takes waiting notifications, oldest first; waits for the first one.</summary>
    /// <param name="notifications">Where to put them.</param>
    /// <returns>How many; 0 only once <see cref="Close"/> was called: what is left then is nobody's.</returns>
    int Fetch(Span<AccessNotification> notifications);

    /// <summary>Begins to count a region anew.</summary>
    /// <param name="notification">As fetched.</param>
    /// <param name="doublings">It is told of again after the threshold times two to the power of this, at most <see cref="MaxDoublings"/>.</param>
    void Clear(in AccessNotification notification, int doublings);

    /// <summary>Begins to count all regions anew, from the threshold on.</summary>
    void ClearAll();

    /// <summary>Lets <see cref="Fetch"/> return 0.</summary>
    void Close();
}
