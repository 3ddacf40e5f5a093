// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Locking;

namespace GpuSvm.SoftwareGpu;

/// <summary>What other devices have mapped of a device's memory.</summary>
/// <remarks>Thread-safe. Counts live mappings always; in checking builds it also knows whose they are, and refuses to unmap what is not mapped (INV-22).</remarks>
internal sealed class SoftwareGpuPeerMappings
{
    private readonly RankedLock _lock = new(LockRank.Leaf, "software GPU peer mappings");
    private readonly Dictionary<(IGpuDevice Peer, ulong Page), int> _live = []; // Checks only; guarded by _lock: how often each page is mapped, by its address.
    private long _livePages; // Interlocked.

    /// <summary>Pages mapped at this moment.</summary>
    internal long LivePages => Interlocked.Read(ref _livePages);

    /// <summary>Notes a mapping.</summary>
    /// <param name="peer">Whose.</param>
    /// <param name="address">The mapping.</param>
    internal void Add(IGpuDevice peer, DeviceAddress address)
    {
        if (CoreSwitches.Checks)
        {
            using (_lock.Enter())
            using (AllocationWatch.Pause())
            {
                for (ulong page = address.Address; page < address.Address + (ulong)address.Order.Bytes; page += PageSize.Bytes)
                    _live[(peer, page)] = _live.GetValueOrDefault((peer, page)) + 1;
            }
        }

        Interlocked.Add(ref _livePages, address.Order.Pages);
    }

    /// <summary>Forgets a mapping, or an aligned part of one.</summary>
    /// <param name="peer">Whose.</param>
    /// <param name="address">The mapping.</param>
    /// <exception cref="InvalidOperationException">Checks only: there is no such mapping.</exception>
    internal void Remove(IGpuDevice peer, DeviceAddress address)
    {
        if (CoreSwitches.Checks)
            Forget(peer, address);
        Interlocked.Add(ref _livePages, -address.Order.Pages);
    }

    /// <summary>Removes a mapping, or a part of one, from the known ones.</summary>
    private void Forget(IGpuDevice peer, DeviceAddress address)
    {
        using (_lock.Enter())
        using (AllocationWatch.Pause())
        {
            for (ulong page = address.Address; page < address.Address + (ulong)address.Order.Bytes; page += PageSize.Bytes)
            {
                int times = address.IsPresent && address.Protocol == AddressProtocol.Peer ? _live.GetValueOrDefault((peer, page)) : 0;
                if (times == 0)
                    throw new InvalidOperationException($"Peer address 0x{address.Address:x} of order {address.Order.Value} is unmapped by '{peer.Name}', which has not mapped it.");
                if (times == 1)
                    _live.Remove((peer, page));
                else
                    _live[(peer, page)] = times - 1;
            }
        }
    }
}
