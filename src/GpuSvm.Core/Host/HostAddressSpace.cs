// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Host;

/// <summary>
/// The process side of the shared address space: what the kernel's mm is to a driver. Mappings, page states, CPU faults, notifiers and migration,
/// over any <see cref="IHostMemory"/>.
/// </summary>
/// <remarks>
/// It remembers only what the machine cannot know: which pages are on a device (<see cref="PageStates"/>) and who wants to hear of changes
/// (<see cref="MmuNotifierRegistry"/>). Everything else it asks the host memory at the moment it matters.
///
/// A page is in one of four states: the host answers for it (absent, present, zero, protected: all Linux's), it is on a device, devices have it exclusively though it is
/// in RAM, or a claim holds it. A claim is how migrations, populations and evictions exclude each other page by page, as folio locks do in the kernel; it is never waited for by the
/// threads that serve CPU faults: they leave a mark and go on, and the claim's end wakes the faulting thread.
///
/// Locking. <see cref="Lock"/> (rank Host, the mmap lock): walks share it, closing a mapping owns it. The threads that serve CPU faults never take
/// it: somebody who holds it may be inside a call that the kernel completes only when such a thread has read an event (docs/real-memory.md, rule 2).
/// Order of every change: claim, tell the notifiers, change the CPU's page table, settle, wake.
///
/// Lifetime (HostAddressSpace.Lifetime.cs). The structure outlives the process side, which lives until it has been disposed and the last call that uses it has
/// returned; whoever comes later is told that it is gone.
/// Kernel: struct mm_struct, mm/memory.c, mm/migrate_device.c, mm/mmu_notifier.c.
/// </remarks>
public sealed partial class HostAddressSpace : IHostMemoryClient, IDisposable
{
    private const int MaxFaultAttempts = 64;
    private const int MaxPagemaps = 256;
    private const int SpareStride = ThreadStripe.LineBytes / sizeof(long);

    private readonly PageStates _states = new();
    private readonly IDevicePageOwner?[] _owners = new IDevicePageOwner?[MaxPagemaps]; // Written under Lock; read without: an entry stays while pages refer to it.
    private readonly FaultDeferrals _deferrals;
    private readonly HostWorkspace?[] _spareWorkspaces = new HostWorkspace?[ThreadStripe.Count * SpareStride]; // One for each stripe, so that threads need not meet. Interlocked.
    private readonly Stack<HostWorkspace> _workspaces = new(); // Guarded by _workspaceLock.
    private readonly RankedLock _workspaceLock = new(LockRank.Leaf, "HostWorkspaces"); // And of _batches: whatever is kept for reuse.
    private int _claimers; // Interlocked; workspaces made so far, each with a number of its own.

    /// <summary>Creates the address space over a memory and connects the two.</summary>
    /// <param name="memory">The memory; owned from now on.</param>
    /// <param name="time">The clock of budgets and guaranteed times; null for the system's.</param>
    public HostAddressSpace(IHostMemory memory, TimeProvider? time = null)
    {
        Memory = memory;
        Time = time ?? TimeProvider.System;
        _deferrals = new FaultDeferrals(memory, Time);
        Notifiers = new MmuNotifierRegistry(Counters.InvalidationTimes);
        memory.Connect(this);
    }

    /// <summary>The memory beneath.</summary>
    public IHostMemory Memory { get; }

    /// <summary>The clock of budgets and guaranteed times.</summary>
    public TimeProvider Time { get; }

    /// <summary>The most that a CPU's first touch of fresh memory makes present at once, in the page's own block; where the rest of the block is in use already, just the page.</summary>
    public PageOrder LargestFirstTouch { get; init; } = PageOrder.Huge;

    /// <summary>The mmap lock.</summary>
    public RankedReaderWriterLock Lock { get; } = new(LockRank.Host, "HostAddressSpace");

    /// <summary>Counters of CPU faults.</summary>
    public HostCounters Counters { get; } = new();

    /// <summary>What happens, for whoever opens a stream of it.</summary>
    public SvmEvents Events { get; } = new();

    /// <summary>The notifiers.</summary>
    internal MmuNotifierRegistry Notifiers { get; }

    /// <summary>The states of its pages.</summary>
    internal PageStates States => _states;

    /// <summary>Pages that are on a device, exclusive, or held by a claim.</summary>
    public long AwayPages => _states.EntryCount;

    /// <summary>Whether pages may move to other addresses, so that pages are taken and made inside the gate only.</summary>
    internal bool MayRemap => (Memory.Capabilities & HostMemoryCapabilities.Remaps) != 0;

    /// <summary>Whether another pagemap can be registered now; a snapshot.</summary>
    public bool HasRoomForPagemap => Array.IndexOf(_owners, null) >= 0;

    /// <summary>Adds a device's pages to the address space.</summary>
    /// <param name="owner">Who brings them back.</param>
    /// <param name="pages">The number of its frames.</param>
    /// <returns>The pagemap's index in page entries.</returns>
    public int RegisterPagemap(IDevicePageOwner owner, int pages)
    {
        using (Lock.EnterWrite())
        {
            int index = Array.IndexOf(_owners, null);
            if (index < 0)
                throw new InvalidOperationException($"An address space has room for {MaxPagemaps} pagemaps.");
            _states.SetPagemap(index, pages, owner.OwnerToken);
            Volatile.Write(ref _owners[index], owner); // Pairs with the reads of those who hold an entry.
            return index;
        }
    }

    /// <summary>Gives the index of a pagemap that holds no page back; the next pagemap may get it.</summary>
    /// <param name="pagemap">The index.</param>
    /// <remarks>Locking: takes Host for write. Somebody may still hold a stale copy of an entry with the index: whoever acts on it asks the page's entry again.</remarks>
    public void UnregisterPagemap(int pagemap)
    {
        using (Lock.EnterWrite())
        {
            Volatile.Write(ref _owners[pagemap], null); // As above.
            _states.SetPagemap(pagemap, 0, 0);
        }
    }

    /// <summary>Adds who must stop what runs before events take something away.</summary>
    /// <param name="stopper">Who.</param>
    internal void AddStopper(IMmuStopper stopper) => Notifiers.AddStopper(stopper);

    /// <summary>Takes one of them out; events under way may still call it.</summary>
    /// <param name="stopper">Who.</param>
    internal void RemoveStopper(IMmuStopper stopper) => Notifiers.RemoveStopper(stopper);

    /// <summary>Maps fresh shared memory.</summary>
    /// <param name="bytes">At least 1.</param>
    /// <param name="interval">The page-aligned interval; 2 MiB aligned from 2 MiB on.</param>
    /// <returns>As <see cref="IHostMemory.Allocate"/>; <see cref="SvmStatus.ProcessGone"/> after dispose.</returns>
    public SvmStatus Allocate(long bytes, out AddressRange interval)
    {
        interval = default;
        if (bytes <= 0)
            return SvmStatus.InvalidArgument;
        if (!TryUse())
            return SvmStatus.ProcessGone;
        SvmStatus status = Injection.ShouldFail(InjectionPoint.HostAllocate) ? SvmStatus.OutOfHostMemory : Memory.Allocate(bytes, out interval);

        // The addresses may have been another's until a moment ago, whose Free has given them up but not yet said so: a touch now would be refused.
        Pause pause = default;
        while (status == SvmStatus.Done && _states.IsClosing(interval))
            pause.Once();
        if (status == SvmStatus.Done)
            Events.Recorder?.Mapping(interval, isUnmap: false);
        EndUse();
        return status;
    }

    /// <summary>Unmaps what <see cref="Allocate"/> gave: devices lose it, its pages go wherever they are. The program may have cut it by mprotect, or unmapped parts of it, before.</summary>
    /// <param name="interval">Exactly an allocated interval.</param>
    /// <returns><see cref="SvmStatus.Done"/>, <see cref="SvmStatus.InvalidHandle"/> if it is none or was freed before, <see cref="SvmStatus.ProcessGone"/>;
    /// or, where the host memory failed, its status: the pages are gone and the addresses stay taken.</returns>
    /// <remarks>Locking: takes Host for write briefly; calls the host memory with nothing held, since that may need a service thread to go on.</remarks>
    public SvmStatus Free(AddressRange interval)
    {
        if (!TryUse())
            return SvmStatus.ProcessGone;
        SvmStatus status = FreeInUse(interval);
        if (status == SvmStatus.Done)
            Events.Recorder?.Mapping(interval, isUnmap: true);
        EndUse();
        return status;
    }

    /// <summary>Finds the first mapping that ends above an address and is not being unmapped.</summary>
    /// <param name="address">The address.</param>
    /// <param name="mapping">The mapping.</param>
    /// <returns>False if there is none.</returns>
    public bool TryFindMapping(VirtualAddress address, out HostMapping mapping)
    {
        LockOrder.AssertNotHeld(LockRank.Notifier); // INV-25.
        while (Memory.TryFindMapping(address, out mapping))
        {
            if (!_states.IsClosing(mapping.Interval))
                return true;
            address = mapping.Interval.End;
        }
        return false;
    }

    /// <summary>Whether mappings, one behind the other, hold all of an interval.</summary>
    /// <param name="interval">Any interval.</param>
    /// <returns>True if so, at a moment for each of them.</returns>
    public bool IsMapped(AddressRange interval)
    {
        VirtualAddress at = interval.Start;
        while (at < interval.End && TryFindMapping(at, out HostMapping mapping) && mapping.Interval.Contains(at))
            at = mapping.Interval.End;
        return at >= interval.End;
    }

    /// <summary>Subscribes a notifier to events.</summary>
    /// <param name="notifier">A notifier that is not subscribed.</param>
    public void Subscribe(MmuIntervalNotifier notifier) => Notifiers.Insert(notifier);

    /// <summary>Ends a subscription; no callback runs afterwards.</summary>
    /// <param name="notifier">A subscribed notifier.</param>
    /// <remarks>Locking: may wait for running events.</remarks>
    public void Unsubscribe(MmuIntervalNotifier notifier) => Notifiers.Remove(notifier);

    /// <summary>Reads a notifier's sequence; waits while an event has it in its hands.</summary>
    /// <param name="notifier">A subscribed notifier.</param>
    /// <returns>The sequence, for <see cref="MmuIntervalNotifier.ReadRetry"/>.</returns>
    public long ReadBegin(MmuIntervalNotifier notifier) => Notifiers.ReadBegin(notifier);

    /// <summary>Takes a workspace from the pool, or makes one, for callers that cannot go on without.</summary>
    /// <returns>A workspace nobody else uses; give it back with <see cref="ReturnWorkspace"/>.</returns>
    /// <exception cref="InvalidOperationException">There is none, and no memory for one.</exception>
    public HostWorkspace RentWorkspace() => TryRentWorkspace() ?? throw new InvalidOperationException("There is no memory for a workspace, or somebody does not give his back.");

    /// <summary>Takes a workspace from the pool, or makes one.</summary>
    /// <returns>A workspace nobody else uses; give it back with <see cref="ReturnWorkspace"/>. Null if there is no memory for one, or if all that there can be are in use:
    /// answer <see cref="SvmStatus.OutOfHostMemory"/>.</returns>
    public HostWorkspace? TryRentWorkspace()
    {
        if (Interlocked.Exchange(ref _spareWorkspaces[ThreadStripe.Current * SpareStride], null) is { } spare)
            return spare;
        using (_workspaceLock.Enter())
        {
            if (_workspaces.Count > 0)
                return _workspaces.Pop();
        }

        for (int stripe = 0; stripe < ThreadStripe.Count; stripe++) // Before another is made: they are large.
        {
            if (Interlocked.Exchange(ref _spareWorkspaces[stripe * SpareStride], null) is { } others)
                return others;
        }

        if (Injection.ShouldFail(InjectionPoint.WorkspaceAllocate))
            return null;
        int claimer = Interlocked.Increment(ref _claimers);
        try
        {
            return claimer <= PageEntry.MaxClaimer ? new HostWorkspace(this, claimer) : null;
        }
        catch (OutOfMemoryException)
        {
            return null;
        }
    }

    /// <summary>Gives a workspace back.</summary>
    /// <param name="workspace">A rented one.</param>
    public void ReturnWorkspace(HostWorkspace workspace)
    {
        if (Interlocked.CompareExchange(ref _spareWorkspaces[ThreadStripe.Current * SpareStride], workspace, null) is null)
            return;
        using (_workspaceLock.Enter())
            _workspaces.Push(workspace);
    }

    /// <summary>Makes absent pages present on a device's behalf.</summary>
    /// <param name="interval">At most 512 pages inside 2 MiB, all the host's when last seen.</param>
    /// <param name="access">What will be done with them.</param>
    /// <returns><see cref="SvmStatus.Done"/>, the retry family if pages were taken meanwhile, or the host memory's failure.</returns>
    public SvmStatus Populate(AddressRange interval, MemoryAccess access)
    {
        if (!TryUse())
            return SvmStatus.ProcessGone;
        SvmStatus status = SvmStatus.OutOfHostMemory;
        if (TryRentWorkspace() is { } workspace)
        {
            status = PopulateInUse(interval, access, workspace);
            ReturnWorkspace(workspace);
        }

        EndUse();
        return status;
    }

    /// <summary>Brings one page, and what its owner brings with it, home.</summary>
    /// <param name="address">The page.</param>
    /// <param name="entry">Its entry as just seen: a device page or an exclusive one.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <returns>As <see cref="IDevicePageOwner.MigrateToRam"/>.</returns>
    public SvmStatus MigrateHome(VirtualAddress address, PageEntry entry, MigrationCause cause)
    {
        if (!TryUse())
            return SvmStatus.ProcessGone;
        SvmStatus status = MigrateHomeInUse(address, entry, cause);
        EndUse();
        return status;
    }

    /// <summary>Brings every page of an interval that is on a device or exclusive home. Kernel: drm_gpusvm_range_evict, which stops at the first hole.</summary>
    /// <param name="interval">Page aligned; holes in it are passed over.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or the first failure that did not pass; pages before it are home. <see cref="SvmStatus.ProcessGone"/>.</returns>
    public SvmStatus MigrateHome(AddressRange interval, MigrationCause cause)
    {
        if (!TryUse())
            return SvmStatus.ProcessGone;
        int failures = 0;
        SvmStatus status = SvmStatus.Done;
        VirtualAddress at = interval.Start;
        while (failures <= MaxFaultAttempts && _states.FindAway(new AddressRange(at, interval.End), out PageEntry entry) is { } page)
        {
            if (entry.IsMigrating)
            {
                _states.WaitForMigration(page);
                continue;
            }
            status = MigrateHomeInUse(page, entry, cause);
            failures += status == SvmStatus.Done ? 0 : 1;
            at = page;
        }
        EndUse();
        return failures > MaxFaultAttempts ? status : SvmStatus.Done;
    }

    /// <summary>The page whose bytes lie in a device frame.</summary>
    /// <param name="pagemap">The pagemap's index.</param>
    /// <param name="frame">The frame.</param>
    /// <returns>The page, or null if the frame is nobody's.</returns>
    public VirtualAddress? FindByFrame(int pagemap, DeviceFrame frame) => _states.FindByFrame(pagemap, frame);

    /// <summary>Waits until no migration holds a page, or a moment has passed.</summary>
    /// <param name="address">The page.</param>
    public void WaitForMigration(VirtualAddress address) => _states.WaitForMigration(address);

    /// <summary>Who keeps the pages of a pagemap.</summary>
    /// <param name="pagemap">The pagemap's index.</param>
    /// <returns>The owner.</returns>
    public IDevicePageOwner PageOwner(int pagemap) => _owners[pagemap]!;

    /// <summary>The owner group of a pagemap.</summary>
    /// <param name="pagemap">The pagemap's index.</param>
    /// <returns>Its token; 0 if there is no such pagemap any more.</returns>
    internal int OwnerOf(int pagemap) => Volatile.Read(ref _owners[pagemap])?.OwnerToken ?? 0; // As MigrateHomeInUse.

    /// <summary>Copies page entries.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="entries">Where to, one a page.</param>
    public void ReadEntries(AddressRange interval, Span<PageEntry> entries) => _states.Read(interval, entries);

    /// <summary>Lets a device write a page of its own that it could only read. The mapping must allow it.</summary>
    /// <param name="address">The page.</param>
    /// <param name="seen">Its entry as seen: a device page, not claimed.</param>
    /// <returns>False if it has changed.</returns>
    internal bool TryMakeWritable(VirtualAddress address, PageEntry seen) => _states.TryMakeWritable(address, seen);

    /// <summary>What the host memory says of pages.</summary>
    /// <param name="interval">At most 512 pages inside one mapping.</param>
    /// <param name="pages">One answer a page.</param>
    /// <returns>As <see cref="IHostMemory.Query"/>.</returns>
    internal SvmStatus Query(AddressRange interval, Span<HostPage> pages)
    {
        LockOrder.AssertNotHeld(LockRank.Notifier); // INV-25.
        return Injection.ShouldFail(InjectionPoint.HostQuery) ? SvmStatus.OutOfHostMemory : Memory.Query(interval, pages);
    }

    /// <summary>As <see cref="MigrateHome(VirtualAddress, PageEntry, MigrationCause)"/>, by somebody who uses the process side.</summary>
    /// <param name="address">The page.</param>
    /// <param name="entry">Its entry as just seen.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <returns>The same.</returns>
    internal SvmStatus MigrateHomeInUse(VirtualAddress address, PageEntry entry, MigrationCause cause) => entry.IsExclusive
        ? RestoreExclusive(AddressRange.OfPages(address, 1), entry.Hold)
        : Volatile.Read(ref _owners[entry.Pagemap]) is { } owner ? owner.MigrateToRam(address, entry, cause) : SvmStatus.Retry; // Pairs with UnregisterPagemap: a stale entry.

    /// <summary>As <see cref="Free"/>, by somebody who uses the process side.</summary>
    /// <param name="interval">The interval.</param>
    /// <returns>The same.</returns>
    private SvmStatus FreeInUse(AddressRange interval)
    {
        using (Lock.EnterWrite())
        {
            if (!Memory.IsAllocation(interval) || !_states.TryClose(interval))
                return SvmStatus.InvalidHandle;
        }
        _states.WaitForMigrations(interval);
        foreach (AddressRange piece in Memory.AllocatedPieces(interval))
            DropAndInvalidate(new MmuEvent(piece, MmuEventKind.Unmap));
        SvmStatus status = Injection.ShouldFail(InjectionPoint.HostFree) ? SvmStatus.OutOfHostMemory : Memory.Free(interval);
        _states.EndClose(interval);
        return status;
    }
}
