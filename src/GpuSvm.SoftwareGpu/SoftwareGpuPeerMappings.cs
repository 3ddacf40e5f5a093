// SPDX-License-Identifier: MIT
using GpuSvm.Core.Device;
using GpuSvm.Core.Locking;

namespace GpuSvm.SoftwareGpu;

/// <summary>What other devices have mapped of a device's memory.</summary>
/// <remarks>Thread-safe. Counts live mappings always; in checking builds it also knows whose they are, and refuses to unmap what is not mapped (INV-22).</remarks>
internal sealed class SoftwareGpuPeerMappings
{
    private readonly RankedLock _lock = new(LockRank.Leaf, "software GPU peer mappings");
    private readonly Dictionary<(IGpuDevice Peer, ulong Address, int Order), int> _live = []; // Checks only; guarded by _lock: how often each block is mapped.
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
            (IGpuDevice, ulong, int) key = (peer, address.Address, address.Order.Value);
            using (_lock.Enter())
                _live[key] = _live.GetValueOrDefault(key) + 1;
        }

        Interlocked.Add(ref _livePages, address.Order.Pages);
    }

    /// <summary>Forgets a mapping.</summary>
    /// <param name="peer">Whose.</param>
    /// <param name="address">The mapping.</param>
    /// <exception cref="InvalidOperationException">Checks only: there is no such mapping.</exception>
    internal void Remove(IGpuDevice peer, DeviceAddress address)
    {
        if (CoreSwitches.Checks)
        {
            (IGpuDevice, ulong, int) key = (peer, address.Address, address.Order.Value);
            using (_lock.Enter())
            {
                int times = address.IsPresent && address.Protocol == AddressProtocol.Peer ? _live.GetValueOrDefault(key) : 0;
                if (times == 0)
                    throw new InvalidOperationException($"Peer address 0x{address.Address:x} of order {address.Order.Value} is unmapped by '{peer.Name}', which has not mapped it.");
                if (times == 1)
                    _live.Remove(key);
                else
                    _live[key] = times - 1;
            }
        }

        Interlocked.Add(ref _livePages, -address.Order.Pages);
    }
}
