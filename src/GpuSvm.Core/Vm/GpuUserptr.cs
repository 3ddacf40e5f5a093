// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Svm;

namespace GpuSvm.Core.Vm;

/// <summary>
/// An interval of the program's memory that was named in advance and is shown at a GPU address of its own. Kernel: struct xe_userptr on the gpusvm pages calls.
/// </summary>
/// <remarks>
/// It uses the same pages objects, notifiers and binder as ranges do, one pages object for each 2 MiB block and device; it knows no range, and no range knows it.
/// Its pages never live on a device: getting them brings them to RAM, whoever else mirrors the same addresses. An event takes the mapping away; the next use, a
/// fault or <see cref="Validate"/>, makes it again, from whatever memory stands at the addresses then.
///
/// Locking: <see cref="Lock"/> (rank Range) lets one validation work at a time; the notifier's lock guards the pages objects, as ever.
/// </remarks>
public sealed class GpuUserptr : ISvmNotifierClient
{
    private const int MaxPasses = 32;

    private readonly GpuVm _vm;
    private readonly AddressRange[] _blocks; // CPU addresses; none crosses a 2 MiB boundary on either side.
    private readonly GpuPages[][] _pages; // By device, then by block.

    /// <summary>Creates a user pointer that is not watched yet.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="interval">The program's memory, page aligned.</param>
    /// <param name="gpuStart">Where the GPU sees it, page aligned.</param>
    /// <param name="isReadOnly">Whether devices may only read it.</param>
    internal GpuUserptr(GpuVm vm, AddressRange interval, VirtualAddress gpuStart, bool isReadOnly)
    {
        _vm = vm;
        Interval = interval;
        GpuInterval = AddressRange.OfBytes(gpuStart, interval.Bytes);
        IsReadOnly = isReadOnly;
        _blocks = Cut(interval, gpuStart);
        _pages = new GpuPages[vm.Devices.Count][];
        foreach (VmDevice device in vm.Devices)
        {
            _pages[device.Index] = new GpuPages[_blocks.Length];
            for (int i = 0; i < _blocks.Length; i++)
                _pages[device.Index][i] = new GpuPages(device.Device);
        }
    }

    /// <summary>The program's memory.</summary>
    public AddressRange Interval { get; }

    /// <summary>Where the GPU sees it.</summary>
    public AddressRange GpuInterval { get; }

    /// <summary>Whether devices may only read it.</summary>
    public bool IsReadOnly { get; }

    /// <summary>What watches the memory; set before the GPU can see it.</summary>
    public SvmNotifier Notifier { get; internal set; } = null!;

    /// <summary>How many blocks it is cut into.</summary>
    public int BlockCount => _blocks.Length;

    /// <summary>Lets one validation work at a time.</summary>
    internal RankedLock Lock { get; } = new(LockRank.Range, "GpuUserptr");

    /// <summary>A block's interval.</summary>
    /// <param name="block">The block's number.</param>
    /// <returns>CPU addresses.</returns>
    public AddressRange BlockAt(int block) => _blocks[block];

    /// <summary>A device's pages of a block.</summary>
    /// <param name="device">The device's number in the VM.</param>
    /// <param name="block">The block's number.</param>
    /// <returns>The pages. Guarded by the notifier's lock.</returns>
    public GpuPages PagesOf(int device, int block) => _pages[device][block];

    /// <summary>The GPU address of a block.</summary>
    /// <param name="block">The block's number.</param>
    /// <returns>Its first byte.</returns>
    public VirtualAddress GpuStartOf(int block) => GpuInterval.Start + (_blocks[block].Start - Interval.Start);

    /// <summary>Makes every page present, mapped and bound for a device: what a VM without faults does before a job runs. Kernel: xe_vma_userptr_pin_pages and rebind.</summary>
    /// <param name="device">The device's number in the VM.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.DeviceGone"/>; else as <see cref="ServeBlock"/>, of the first block that failed.</returns>
    /// <remarks>Locking: takes Vm shared; must hold nothing.</remarks>
    public SvmStatus Validate(int device)
    {
        if (_vm.Host.TryRentWorkspace() is not { } workspace)
            return SvmStatus.OutOfHostMemory;
        SvmStatus status = SvmStatus.Done;
        using (_vm.Lock.EnterRead())
        {
            if (_vm.Devices[device].Device.IsUnplugged)
                status = SvmStatus.DeviceGone; // Looked at inside: unplugging owns the VM afterwards, and takes away what was bound before.
            for (int block = 0; block < _blocks.Length && status == SvmStatus.Done; block++)
                status = ServeBlock(_vm.Devices[device], block, workspace);
        }

        _vm.Host.ReturnWorkspace(workspace);
        return status;
    }

    /// <summary>Serves a fault at a GPU address of the window.</summary>
    /// <param name="address">The GPU address.</param>
    /// <param name="isWrite">Whether writing is wanted.</param>
    /// <param name="device">Who faulted.</param>
    /// <param name="workspace">The fault's.</param>
    /// <returns>As <see cref="ServeBlock"/>; <see cref="SvmStatus.ReadOnly"/> for a write to what devices may only read.</returns>
    /// <remarks>Locking: Vm held shared.</remarks>
    internal SvmStatus Serve(VirtualAddress address, bool isWrite, VmDevice device, HostWorkspace workspace) => ServeAround(address, isWrite, device, workspace, out _);

    /// <summary>As <see cref="Serve"/>, and says what it has served.</summary>
    /// <param name="address">The GPU address.</param>
    /// <param name="isWrite">Whether writing is wanted.</param>
    /// <param name="device">Who wants it.</param>
    /// <param name="workspace">The caller's.</param>
    /// <param name="served">The block's GPU addresses.</param>
    /// <returns>As <see cref="Serve"/>.</returns>
    /// <remarks>Locking: Vm held shared.</remarks>
    internal SvmStatus ServeAround(VirtualAddress address, bool isWrite, VmDevice device, HostWorkspace workspace, out AddressRange served)
    {
        served = AddressRange.OfPages(address, 1);
        if (isWrite && IsReadOnly)
            return SvmStatus.ReadOnly;
        VirtualAddress wanted = Interval.Start + (address - GpuInterval.Start);
        int block = Array.FindIndex(_blocks, candidate => candidate.Contains(wanted));
        served = AddressRange.OfBytes(GpuStartOf(block), _blocks[block].Bytes);
        return ServeBlock(device, block, workspace);
    }

    /// <inheritdoc/>
    public void InvalidateStart(SvmNotifier notifier, in MmuEvent mmuEvent)
    {
        for (int i = 0; i < _vm.Devices.Count; i++)
        {
            VmDevice device = _vm.Devices[i];
            AddressRange zapped = default;
            for (int block = 0; block < _blocks.Length; block++)
            {
                GpuPages pages = _pages[device.Index][block];
                if (!_blocks[block].Overlaps(mmuEvent.Interval) || !pages.IsBound)
                    continue;
                pages.IsBound = false;
                zapped = zapped.Around(device.PageTable.Zap(AddressRange.OfBytes(GpuStartOf(block), _blocks[block].Bytes)));
            }

            ulong invalidation = device.PageTable.StartTlbInvalidation(zapped);
            if (invalidation != 0)
                _vm.Counters.CountInvalidation();
            for (int block = 0; block < _blocks.Length; block++)
            {
                if (!_blocks[block].Overlaps(mmuEvent.Interval))
                    continue;
                GpuPages pages = _pages[device.Index][block];
                pages.Invalidation = Math.Max(pages.Invalidation, invalidation);
                pages.SetStaleLocked(notifier);
            }
        }
    }

    /// <inheritdoc/>
    public void InvalidateFinish(SvmNotifier notifier, in MmuEvent mmuEvent)
    {
        for (int i = 0; i < _vm.Devices.Count; i++)
        {
            VmDevice device = _vm.Devices[i];
            ulong waited = 0;
            while (true)
            {
                ulong needed = 0;
                using (notifier.Lock.EnterWrite())
                {
                    for (int block = 0; block < _blocks.Length; block++)
                    {
                        if (_blocks[block].Overlaps(mmuEvent.Interval))
                            needed = Math.Max(needed, _pages[i][block].UnmapStaleLocked(notifier, waited));
                    }
                }

                if (needed == 0)
                    break;
                device.PageTable.WaitTlbInvalidation(needed);
                waited = needed;
            }
        }
    }

    /// <summary>Takes every device's access away and undoes all mappings.</summary>
    /// <remarks>Locking: Vm owned; takes Notifier.</remarks>
    internal void UnmapAll()
    {
        var everything = new MmuEvent(Interval, MmuEventKind.Clear);
        long stop = _vm.Jobs?.Stop(Interval) ?? 0;
        using (Notifier.Lock.EnterWrite())
            InvalidateStart(Notifier, everything);
        InvalidateFinish(Notifier, everything);
        _vm.Jobs?.EndStop(stop);
    }

    /// <summary>Gets and binds one block for one device.</summary>
    /// <param name="device">The device.</param>
    /// <param name="block">The block's number.</param>
    /// <param name="workspace">The caller's.</param>
    /// <returns><see cref="SvmStatus.Done"/>: bound. <see cref="SvmStatus.Busy"/>: overtaken in every pass. <see cref="SvmStatus.NotMapped"/>: no memory at the addresses now.
    /// <see cref="SvmStatus.ReadOnly"/>, <see cref="SvmStatus.OutOfHostMemory"/>, <see cref="SvmStatus.CopyFailed"/>, <see cref="SvmStatus.ProcessGone"/>, <see cref="SvmStatus.DeviceGone"/>.</returns>
    private SvmStatus ServeBlock(VmDevice device, int block, HostWorkspace workspace)
    {
        var context = new SvmContext(OwnerToken: 0, ReadOnly: IsReadOnly, AllowMixed: true);
        GpuPages pages = _pages[device.Index][block];
        SvmStatus status = SvmStatus.Retry;
        using (Lock.Enter())
        {
            for (int pass = 0; pass < MaxPasses && status == SvmStatus.Retry; pass++)
            {
                status = pages.Get(_vm.Host, Notifier, _blocks[block], context, workspace);
                if (status == SvmStatus.Done)
                    status = device.Binder.Bind(Notifier, pages, GpuStartOf(block), _blocks[block].Pages);
            }
        }

        return status == SvmStatus.Retry ? SvmStatus.Busy : status;
    }

    /// <summary>Cuts an interval where it or its image crosses a 2 MiB boundary.</summary>
    /// <param name="interval">CPU addresses.</param>
    /// <param name="gpuStart">The first byte's GPU address.</param>
    /// <returns>The pieces.</returns>
    private static AddressRange[] Cut(AddressRange interval, VirtualAddress gpuStart)
    {
        var blocks = new List<AddressRange>();
        for (VirtualAddress at = interval.Start; at < interval.End;)
        {
            VirtualAddress gpu = gpuStart + (at - interval.Start);
            long bytes = Math.Min(at.Block(PageOrder.Huge).End - at, gpu.Block(PageOrder.Huge).End - gpu);
            AddressRange block = AddressRange.OfBytes(at, Math.Min(bytes, interval.End - at));
            blocks.Add(block);
            at = block.End;
        }

        return [.. blocks];
    }
}
