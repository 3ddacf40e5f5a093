// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Locking;

namespace GpuSvm.SoftwareGpu;

/// <summary>The software GPU's way to system memory: it lives in the same process, so a page's DMA address is its pointer. What is left of an IOMMU is the book-keeping.</summary>
/// <remarks>Thread-safe. Counts live mappings always; in checking builds it also knows them, and refuses to unmap what is not mapped (INV-22).</remarks>
public sealed class SoftwareGpuDmaMapper : IDmaMapper
{
    private const ulong MaxAddress = 1UL << 52;

    private readonly RankedLock _lock = new(LockRank.Leaf, "software GPU DMA mappings");
    private readonly Dictionary<ulong, int> _live = []; // Checks only; guarded by _lock: how often each page is mapped, by its address.
    private readonly StripedSums _livePages = new(1); // By stripes: a range that lies scattered in RAM is mapped piece by piece.

    /// <inheritdoc/>
    public long LivePages => _livePages.Read(0);

    /// <inheritdoc/>
    /// <remarks><see cref="SvmStatus.CopyFailed"/> for a page that is nowhere, unaligned or above 2^52.</remarks>
    public SvmStatus Map(DmaPointer page, PageOrder order, bool writable, out DeviceAddress address)
    {
        address = default;
        ulong pointer = (ulong)page.Value;
        if (page.IsNull || (pointer & (PageSize.Bytes - 1)) != 0 || pointer >= MaxAddress)
            return SvmStatus.CopyFailed;
        address = new DeviceAddress(pointer, AddressProtocol.System, order, writable);
        if (CoreSwitches.Checks)
        {
            using (_lock.Enter())
            using (AllocationWatch.Pause())
            {
                for (ulong at = pointer; at < pointer + (ulong)order.Bytes; at += PageSize.Bytes)
                    _live[at] = _live.GetValueOrDefault(at) + 1;
            }
        }

        _livePages.Add(0, order.Pages);
        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">Checks only: it is not mapped.</exception>
    public void Unmap(DeviceAddress address)
    {
        if (CoreSwitches.Checks)
            Forget(address);
        _livePages.Add(0, -address.Order.Pages);
    }

    /// <summary>Removes a mapping, or a part of one, from the known ones.</summary>
    private void Forget(DeviceAddress address)
    {
        using (_lock.Enter())
        using (AllocationWatch.Pause())
        {
            for (ulong at = address.Address; at < address.Address + (ulong)address.Order.Bytes; at += PageSize.Bytes)
            {
                int times = address.IsPresent && address.Protocol == AddressProtocol.System ? _live.GetValueOrDefault(at) : 0;
                if (times == 0)
                    throw new InvalidOperationException($"DMA address 0x{address.Address:x} of order {address.Order.Value} is unmapped but not mapped.");
                if (times == 1)
                    _live.Remove(at);
                else
                    _live[at] = times - 1;
            }
        }
    }
}
