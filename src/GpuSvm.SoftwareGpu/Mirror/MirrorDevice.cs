// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;

namespace GpuSvm.SoftwareGpu.Mirror;

/// <summary>
/// A device that mirrors a whole address space and has memory of its own: what Linux's HMM test driver is, over our host layer. It is the least that a driver can be: a table,
/// a lock, a notifier, a fault loop and two migrations.
/// </summary>
/// <remarks>
/// The table says for each page which frame the device reaches and whether it may write. An access walks its interval and uses entries that are there; at the first one
/// missing the rest of the interval is faulted and stored, and the walk goes on. Entries are stored under the lock, after the notifier's sequence was found unchanged; an
/// invalidation stores its sequence and takes entries away under the same lock. So no entry outlives what it says (INV-16), which <see cref="Check"/> verifies.
///
/// Where the driver has its ways, so has this device, because recorded runs show them:
/// <list type="bullet">
/// <item>an invalidation takes the entry of the page behind its interval away too;</item>
/// <item>migrations of its own do not clear its table, whatever comes of them; those of others do, also where nothing moves;</item>
/// <item>a fault at one page is a fault of all pages behind it in the interval, as far as the mapping goes: device pages among them come home, its own too;</item>
/// <item>a page of its own memory is reported as it stands: one that may not be written fails a write, it does not fault.</item>
/// </list>
/// Pages in RAM it reaches by the host memory, as a DMA engine would: by their addresses, with a refusal where a page is not there any more, which is an entry that has to be faulted
/// again. So what a table says of RAM is that the page was there with these rights when it was faulted, and the program may change that without a word where its system tells nobody.
/// Locking: one lock of rank Notifier for the table; copies of whole pages of its own memory happen under it, as in the driver, those of the program's with nothing held. Kernel: lib/test_hmm.c.
/// </remarks>
public sealed partial class MirrorDevice : IMmuIntervalClient, IDevicePageOwner, IDisposable
{
    private const int MaxPasses = 1000; // Of a fault loop; one that needs more is stuck.
    private const int CloseMilliseconds = 10_000;

    private static readonly AddressRange _everything = new(default, new VirtualAddress(1UL << 47));

    private readonly HostAddressSpace _host;
    private readonly IStagingAccess _staging;
    private readonly MirrorMemory _frames;
    private readonly MmuIntervalNotifier _notifier;
    private readonly RankedLock _lock = new(LockRank.Notifier, "MirrorDevice");
    private readonly SortedDictionary<ulong, MirrorEntry> _table = []; // By page number. Guarded by _lock.
    private readonly int _pagemap;

    /// <summary>Makes a device and lets it hear of changes.</summary>
    /// <param name="host">The address space.</param>
    /// <param name="staging">How it reaches the staging blocks of the address space's memory.</param>
    /// <param name="token">What tells it from other devices, not 0.</param>
    /// <param name="frames">How many frames of its own it has.</param>
    public MirrorDevice(HostAddressSpace host, IStagingAccess staging, int token, int frames)
    {
        _host = host;
        _staging = staging;
        OwnerToken = token;
        _frames = new MirrorMemory(frames);
        _pagemap = host.RegisterPagemap(this, frames);
        _notifier = new MmuIntervalNotifier(_everything, this);
        host.Subscribe(_notifier);
    }

    /// <inheritdoc/>
    public int OwnerToken { get; }

    /// <summary>How many frames of its memory hold no page.</summary>
    public int FreeFrames => _frames.FreeFrames;

    /// <summary>Ends the subscription. Pages that are still on the device must go with the address space: <see cref="Close"/> brings them home before.</summary>
    public void Dispose() => _host.Unsubscribe(_notifier);

    /// <summary>Ends the device while its address space goes on: every page comes home first. Nobody else uses it any more.</summary>
    /// <returns><see cref="SvmStatus.Done"/>; otherwise why some pages are still on it, and it goes on as before.</returns>
    public SvmStatus Close()
    {
        var budget = new RetryBudget(_host.Time, CloseMilliseconds);
        for (int frame = _frames.NextUsed(0); frame >= 0; frame = _frames.NextUsed(frame))
        {
            SvmStatus status = _host.FindByFrame(_pagemap, new DeviceFrame(frame)) is { } page
                ? MoveHome(AddressRange.OfPages(page, 1), new DeviceFrame(0), _frames.Frames, MigrationCause.Prefetch, out _)
                : SvmStatus.Retry; // On its way: whoever takes it frees the frame.
            if (status != SvmStatus.Done && !status.IsRetry())
                return status;
            if (!budget.TrySpend())
                return SvmStatus.Busy;
        }

        _host.Unsubscribe(_notifier);
        _host.UnregisterPagemap(_pagemap);
        return SvmStatus.Done;
    }

    /// <summary>Reads pages through the table, faulting what is missing.</summary>
    /// <param name="interval">The pages.</param>
    /// <param name="destination">Receives their bytes; good only if all could be read.</param>
    /// <param name="progress">How far it came.</param>
    /// <returns>As <see cref="Fault"/>.</returns>
    public SvmStatus Read(AddressRange interval, Span<byte> destination, out MirrorProgress progress) =>
        Access(interval, MemoryAccess.Read, destination, default, out progress);

    /// <summary>Writes pages through the table, faulting what is missing or may not be written.</summary>
    /// <param name="interval">The pages.</param>
    /// <param name="source">Their new bytes.</param>
    /// <param name="progress">How far it came: pages before a failure are written.</param>
    /// <returns>As <see cref="Fault"/>.</returns>
    public SvmStatus Write(AddressRange interval, ReadOnlySpan<byte> source, out MirrorProgress progress) =>
        Access(interval, MemoryAccess.Write, default, source, out progress);

    /// <summary>Reads pages through the table as it is.</summary>
    /// <param name="interval">The pages.</param>
    /// <param name="destination">Receives the bytes of those that have entries, up to the first that has none.</param>
    /// <returns>How many pages were read.</returns>
    public int ReadMapped(AddressRange interval, Span<byte> destination) => Walk(interval, 0, MemoryAccess.Read, destination, default);

    /// <summary>The entry of a page.</summary>
    /// <param name="page">The page.</param>
    /// <returns>The entry; null if there is none.</returns>
    public MirrorEntry? EntryOf(VirtualAddress page)
    {
        using (_lock.Enter())
            return _table.TryGetValue(page.PageNumber, out MirrorEntry entry) ? entry : null;
    }

    /// <inheritdoc/>
    public bool InvalidateStart(MmuIntervalNotifier notifier, in MmuEvent mmuEvent, long sequence)
    {
        if (mmuEvent.Kind == MmuEventKind.Migrate && mmuEvent.Owner == OwnerToken)
            return true; // Our own: the migration itself sees to the table.
        using (_lock.Enter())
        {
            notifier.SetSequence(sequence);
            RemoveLocked(mmuEvent.Interval.Start.PageNumber, mmuEvent.Interval.End.PageNumber);
        }

        return true;
    }

    /// <inheritdoc/>
    /// <remarks>Nothing to wait for: accesses hold the lock.</remarks>
    public void InvalidateFinish(MmuIntervalNotifier notifier, in MmuEvent mmuEvent)
    {
    }

    /// <summary>Takes entries away.</summary>
    /// <param name="first">The first page's number.</param>
    /// <param name="last">The last page's number.</param>
    private void RemoveLocked(ulong first, ulong last)
    {
        _lock.AssertHeld();
        if (last - first < (ulong)_table.Count)
        {
            for (ulong page = first; page <= last; page++)
                _table.Remove(page);
            return;
        }

        foreach (ulong page in _table.Keys.Where(page => page >= first && page <= last).ToArray())
            _table.Remove(page);
    }

    /// <summary>Walks an interval, faulting at each page that has no fitting entry.</summary>
    /// <param name="interval">The pages.</param>
    /// <param name="access">What is done with them.</param>
    /// <param name="destination">Where bytes go, for a read.</param>
    /// <param name="source">Where they come from, for a write.</param>
    /// <param name="progress">How far it came.</param>
    /// <returns>As <see cref="Fault"/>.</returns>
    private SvmStatus Access(AddressRange interval, MemoryAccess access, Span<byte> destination, ReadOnlySpan<byte> source, out MirrorProgress progress)
    {
        progress = default;
        _host.Memory.NoticeChanges(interval);
        for (int pass = 0; pass < MaxPasses; pass++)
        {
            int done = Walk(interval, progress.Pages, access, destination, source);
            progress = progress with { Pages = done };
            if (done == interval.Pages)
                return SvmStatus.Done;
            SvmStatus status = Fault(new AddressRange(interval.Start + ((long)done << PageSize.Shift), interval.End), access);
            if (status != SvmStatus.Done)
                return status;
            progress = progress with { Faults = progress.Faults + 1 };
        }

        return SvmStatus.Busy;
    }

    /// <summary>Copies pages as long as their entries allow it.</summary>
    /// <param name="interval">The pages.</param>
    /// <param name="first">The page to begin with.</param>
    /// <param name="access">What is done with them.</param>
    /// <param name="destination">Where bytes go, for a read.</param>
    /// <param name="source">Where they come from, for a write.</param>
    /// <returns>The page at which it stopped.</returns>
    private int Walk(AddressRange interval, int first, MemoryAccess access, Span<byte> destination, ReadOnlySpan<byte> source)
    {
        for (int page = first; page < (int)interval.Pages; page++)
        {
            VirtualAddress address = interval.Start + ((long)page << PageSize.Shift);
            int offset = page << PageSize.Shift;
            bool isDone = access == MemoryAccess.Write
                ? TryWritePage(address, source.Slice(offset, PageSize.Bytes))
                : TryReadPage(address, destination.Slice(offset, PageSize.Bytes));
            if (!isDone)
                return page;
        }

        return (int)interval.Pages;
    }

    /// <summary>Reads one page where its entry says.</summary>
    /// <param name="address">The page.</param>
    /// <param name="destination">Where to.</param>
    /// <returns>False if it has no entry, or is not there any more.</returns>
    private bool TryReadPage(VirtualAddress address, Span<byte> destination)
    {
        using (_lock.Enter())
        {
            if (!_table.TryGetValue(address.PageNumber, out MirrorEntry entry))
                return false;
            if (entry.IsDevice)
            {
                _frames.Bytes(entry.Frame).CopyTo(destination);
                return true;
            }
        }

        return IsThere(address, _host.Memory.Read(address, destination));
    }

    /// <summary>Writes one page where its entry says.</summary>
    /// <param name="address">The page.</param>
    /// <param name="source">The bytes.</param>
    /// <returns>False if it has no entry that allows it, or is not there any more.</returns>
    private bool TryWritePage(VirtualAddress address, ReadOnlySpan<byte> source)
    {
        using (_lock.Enter())
        {
            if (!_table.TryGetValue(address.PageNumber, out MirrorEntry entry) || !entry.IsWritable)
                return false;
            if (entry.IsDevice)
            {
                source.CopyTo(_frames.Bytes(entry.Frame));
                return true;
            }
        }

        return IsThere(address, _host.Memory.Write(address, source));
    }

    /// <summary>Takes the entry of a page away that the host memory could not reach.</summary>
    /// <param name="address">The page.</param>
    /// <param name="status">What the host memory said.</param>
    /// <returns>Whether it could.</returns>
    private bool IsThere(VirtualAddress address, SvmStatus status)
    {
        if (status == SvmStatus.Done)
            return true;
        using (_lock.Enter())
            _table.Remove(address.PageNumber);
        return false;
    }
}
