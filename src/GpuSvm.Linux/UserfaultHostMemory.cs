// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Linux.Interop;

namespace GpuSvm.Linux;

/// <summary>
/// Host memory over the running process: the program's own pages, taken away and given back under its feet by Linux userfaultfd.
/// </summary>
/// <remarks>
/// The parts, and what each knows:
/// <list type="bullet">
/// <item><see cref="KnownMemory"/>: what is shared, the heap and what was adopted, and what the kernel's own list of mappings says of it.</item>
/// <item><see cref="SharedHeap"/>: the address space, one reservation registered with one descriptor; who has which interval.</item>
/// <item><see cref="StagingArea"/>: private memory with a descriptor of its own, through which pages travel and where they wait for reuse.</item>
/// <item><see cref="PageMover"/>: detach and attach by UFFDIO_MOVE.</item>
/// <item><see cref="PagePopulator"/>: pages of zeroes, and write protection.</item>
/// <item><see cref="Pagemap"/>: what the page table says. <see cref="RemoteAccess"/>: copies that answer instead of crashing.</item>
/// <item><see cref="CpuFaultService"/>, <see cref="MessageReader"/>, <see cref="EventRescue"/>: threads that hear of faults and events.</item>
/// </list>
/// <para>A fault, one way down: a thread touches an absent page and sleeps in the kernel; a service thread wakes from poll, reads the message
/// inside the client's
/// event gate, and calls <see cref="IHostMemoryClient.CpuFault"/>; the client brings the bytes into a staging block and calls <see cref="Attach"/>,
/// which moves the
/// block's page in and wakes the thread. With both threads on one CPU that is some 6 us and the copy.</para>
/// <para>Two rules of .NET bind this type. It must live in another runtime than threads that touch the heap by pointer or Span, or a collection can
/// wait for a
/// thread that waits for us. And itself it touches the heap only by system calls. Staging is private memory and is touched freely.</para>
/// <para>Locking: its own locks are leaves, held across no system call and no call to the client. Callers hold at most the Host lock and the client's
/// event gate. With mapping events a <see cref="Detach"/> is called inside the gate, where nobody can read an event that stands in the way, so it leaves pages in the block that it could not put back.</para>
/// </remarks>
public sealed partial class UserfaultHostMemory : IHostMemory
{
    private const int MaxQueryPages = PageSize.PagesPerHuge;

    private readonly UserfaultOptions _options;
    private readonly Userfaultfd _userfault;
    private readonly Pagemap _pagemap;
    private readonly SharedHeap _heap;
    private readonly StagingArea _staging;
    private readonly AttachCosts _costs = new();
    private readonly RemoteAccess _remote;
    private readonly ProcessMaps _maps;
    private readonly KnownMemory _known;
    private IHostMemoryClient? _client;
    private MessageReader? _reader;
    private EventRescue? _rescue;
    private CpuFaultService? _service;
    private PageMover? _mover;
    private PagePopulator? _populator;
    private int _disposed;
    private int _blocksOut;

    /// <summary>Reserves and registers the heap and the staging area. Faults are served from <see cref="Connect"/> on.</summary>
    /// <param name="options">How to set it up; null for the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    /// <exception cref="HostMemoryUnavailableException">Real memory is not to be had here; the message names obstacle and remedy.</exception>
    public UserfaultHostMemory(UserfaultOptions? options = null)
    {
        _options = options ?? new UserfaultOptions();
        _options.Validate();
        bool huge = _options.HugePages && TransparentHugePages.AreAvailable;
        _options = _options with { HugePages = huge };
        ulong features = UserfaultAccess.NeededFeatures | (_options.MappingEvents ? UserfaultAccess.EventFeatures : 0);
        if (!UserfaultAccess.TryOpen(features, _options.AllowUserModeOnly, out Userfaultfd? arena, out bool userModeOnly, out string reason))
            throw new HostMemoryUnavailableException(reason);
        _userfault = arena!;
        IsUserModeOnly = userModeOnly;
        try
        {
            _pagemap = new Pagemap();
            _maps = new ProcessMaps();
            _heap = new SharedHeap(_userfault, _options.CapacityBytes, huge);
            const ulong StagingFeatures = UserfaultConstants.UFFD_FEATURE_PAGEFAULT_FLAG_WP | UserfaultConstants.UFFD_FEATURE_MOVE;
            if (!UserfaultAccess.TryOpen(StagingFeatures, _options.AllowUserModeOnly, out Userfaultfd? staging, out _, out reason))
                throw new HostMemoryUnavailableException(reason);
            _staging = new StagingArea(staging!, _pagemap, _options, _costs);
            _remote = new RemoteAccess(_pagemap);
            _known = new KnownMemory(_userfault, _heap, _maps);
        }
        catch
        {
            _userfault.Dispose();
            _heap?.Dispose();
            _maps?.Dispose();
            _pagemap?.Dispose();
            throw;
        }

        Capabilities = HostMemoryCapabilities.CpuFaults | HostMemoryCapabilities.WriteProtect | HostMemoryCapabilities.LazyZero
            | (huge ? HostMemoryCapabilities.HugePages : HostMemoryCapabilities.None)
            | (_options.MappingEvents ? HostMemoryCapabilities.MappingEvents | HostMemoryCapabilities.Remaps : HostMemoryCapabilities.None);
    }

    /// <inheritdoc/>
    public HostMemoryCapabilities Capabilities { get; }

    /// <summary>Whether only faults of user mode are served: a system call that touches an absent page fails with EFAULT.</summary>
    public bool IsUserModeOnly { get; }

    /// <summary>The heap's whole address space; allocations lie inside.</summary>
    public AddressRange HeapInterval => _heap.Whole;

    /// <summary>What it has seen so far.</summary>
    public UserfaultStatistics Statistics => new(
        _service?.Faults ?? 0,
        _service?.FailedFaults ?? 0,
        _reader?.UnmappedEvents ?? 0,
        _reader?.DiscardedEvents ?? 0,
        _reader?.MovedEvents ?? 0,
        _rescue?.Waits ?? 0,
        _rescue?.Rescues ?? 0,
        _heap.AllocatedBytes,
        _staging.PooledBytes);

    /// <summary>Whether real memory is to be had here, by setting a small one up and taking it down again.</summary>
    /// <param name="reason">What stands in the way and the command that removes it; empty if nothing does.</param>
    /// <returns>True if it is.</returns>
    public static bool TryProbe(out string reason)
    {
        try
        {
            using var memory = new UserfaultHostMemory(new UserfaultOptions { CapacityBytes = 8L << 20 });
            reason = "";
            return true;
        }
        catch (HostMemoryUnavailableException exception)
        {
            reason = exception.Message;
            return false;
        }
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">It is connected already.</exception>
    public void Connect(IHostMemoryClient client)
    {
        ArgumentNullException.ThrowIfNull(client);
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this); // Pairs with Dispose.
        if (_service is not null)
            throw new InvalidOperationException("Connect is called once.");
        _client = client;
        _reader = new MessageReader(_userfault, _known, client, _options.MappingEvents);
        _rescue = new EventRescue(_reader, _userfault);
        _mover = new PageMover(_userfault, _staging.Userfault, _pagemap, _heap, _rescue, _costs);
        _populator = new PagePopulator(_userfault, _staging, _pagemap, _heap, _mover, _rescue, _options.HugePages, _options.MappingEvents);
        _service = new CpuFaultService(_userfault, _known, _reader, _rescue, client, _options);
        if (_options.MappingEvents)
            _rescue.Start();
        _service.Start();
    }

    /// <inheritdoc/>
    public SvmStatus Allocate(long bytes, out AddressRange interval)
    {
        if (_service is null)
            throw new InvalidOperationException("Connect comes before the first allocation: nobody would serve its faults.");
        return _heap.Allocate(bytes, out interval);
    }

    /// <inheritdoc/>
    public SvmStatus Free(AddressRange interval) => _heap.Free(interval);

    /// <inheritdoc/>
    public bool IsAllocation(AddressRange interval) => _heap.IsAllocation(interval);

    /// <inheritdoc/>
    public IReadOnlyList<AddressRange> AllocatedPieces(AddressRange interval) => _heap.PiecesOf(interval);

    /// <inheritdoc/>
    public unsafe SvmStatus Query(AddressRange interval, Span<HostPage> pages)
    {
        if (!interval.IsPageAligned || interval.IsEmpty || interval.Pages > MaxQueryPages || pages.Length < interval.Pages)
            return SvmStatus.InvalidArgument;
        if (_known.IsInPlace(interval))
        {
            DescribeInPlace(interval, pages);
            return SvmStatus.Done;
        }

        if (!_known.Covers(interval))
            return SvmStatus.NotMapped;

        // SAFETY: the array lives on this frame; Scan writes at most Capacity elements.
        const int Capacity = 64;
        PageRegion* regions = stackalloc PageRegion[Capacity];
        pages[..(int)interval.Pages].Clear();
        for (ulong at = interval.Start.Value; at < interval.End.Value;)
        {
            int found = _pagemap.Scan(at, interval.End.Value, regions, Capacity, out ulong walkedTo);
            if (found < 0)
                return SvmStatus.NotMapped;
            for (int i = 0; i < found; i++)
                Describe(in regions[i], interval, pages);
            at = Math.Max(walkedTo, at + PageSize.Bytes);
        }

        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    public SvmStatus Populate(AddressRange interval, MemoryAccess access)
    {
        if (!interval.IsPageAligned || interval.IsEmpty || interval.Bytes > PageSize.HugeBytes)
            return SvmStatus.InvalidArgument;
        if (_known.IsInPlace(interval))
            return SvmStatus.Done; // The kernel makes its pages present when they are used.
        return _known.Covers(interval) ? _populator!.Populate(interval, access) : SvmStatus.NotMapped;
    }

    /// <inheritdoc/>
    public SvmStatus Detach(AddressRange interval, HostStaging staging)
    {
        if (staging is not StagingSlot slot)
            return SvmStatus.InvalidArgument;
        return _known.Covers(interval) ? _mover!.Detach(interval, slot, isInGate: _options.MappingEvents) : SvmStatus.Unmapped;
    }

    /// <inheritdoc/>
    public SvmStatus Attach(AddressRange interval, HostStaging staging, int first, bool writable)
    {
        if (staging is not StagingSlot slot || !interval.IsPageAligned || !slot.HasPages(first, interval.Pages))
            return SvmStatus.InvalidArgument;
        return _known.Covers(interval) ? _mover!.TryAttach(interval, slot, first, writable) : SvmStatus.Unmapped;
    }

    /// <inheritdoc/>
    public HostStaging? AcquireStaging(AddressRange interval, bool forAttach)
    {
        if (interval.IsEmpty || !interval.IsPageAligned || interval.Pages > PageSize.PagesPerHuge)
            return null;
        PageOrder order = PageOrder.FloorOf(interval.Pages);
        if (order.Bytes != interval.Bytes || !interval.Start.IsAligned(order))
            return null;
        bool whole = _options.HugePages && !_heap.HasTable(interval.Start.Value);
        if (_options.MaxStagingBlocks is not int limit)
            return _staging.Acquire(interval, forAttach, whole);
        StagingSlot? slot = Interlocked.Increment(ref _blocksOut) <= limit ? _staging.Acquire(interval, forAttach, whole) : null;
        if (slot is null)
            Interlocked.Decrement(ref _blocksOut);
        return slot;
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">It is not one of this memory, or was given back before.</exception>
    public void ReleaseStaging(HostStaging staging)
    {
        if (staging is not StagingSlot slot)
            throw new ArgumentException("Not a staging block of this memory.", nameof(staging));
        _staging.Release(slot);
        if (_options.MaxStagingBlocks is not null)
            Interlocked.Decrement(ref _blocksOut); // Pairs with the increment in AcquireStaging; both count only where there is a limit.
    }

    /// <inheritdoc/>
    public SvmStatus WriteProtect(AddressRange interval, bool protect)
    {
        if (!interval.IsPageAligned || interval.IsEmpty)
            return SvmStatus.InvalidArgument;
        if (_known.IsInPlace(interval))
            return SvmStatus.NotSupported;
        return _known.Covers(interval) ? _populator!.WriteProtect(interval.Start.Value, interval.Bytes, protect) : SvmStatus.Unmapped;
    }

    /// <inheritdoc/>
    /// <remarks>What was adopted keeps its pages: they are the program's, not the heap's.</remarks>
    public SvmStatus Discard(AddressRange interval) =>
        interval.IsPageAligned && !interval.IsEmpty ? _heap.Discard(interval) : SvmStatus.InvalidArgument;

    /// <inheritdoc/>
    public void Wake(AddressRange interval)
    {
        // A length of 0 would wake everybody; EINVAL means that the interval is unmapped, where nobody can wait.
        if (!interval.IsEmpty)
            _ = _userfault.Wake(interval.Start.Value, interval.Bytes);
    }

    /// <inheritdoc/>
    public unsafe SvmStatus Read(VirtualAddress address, Span<byte> destination)
    {
        if (destination.IsEmpty)
            return SvmStatus.Done;
        if (!_known.Covers(AddressRange.OfBytes(address, destination.Length)))
            return SvmStatus.NotMapped;

        // SAFETY: pinned for the call; the length goes along.
        fixed (byte* buffer = destination)
            return _remote.Transfer(address, buffer, destination.Length, write: false);
    }

    /// <inheritdoc/>
    public unsafe SvmStatus ReadInto(AddressRange interval, HostStaging staging, int first)
    {
        if (staging is not StagingSlot slot || !interval.IsPageAligned || interval.IsEmpty || !slot.HasPages(first, interval.Pages))
            return SvmStatus.InvalidArgument;
        if (!_known.Covers(interval))
            return SvmStatus.NotMapped;

        // SAFETY: the block is the caller's, private memory of ours, and has the pages.
        return _remote.Transfer(interval.Start, (byte*)slot.Address + ((long)first << PageSize.Shift), interval.Bytes, write: false);
    }

    /// <inheritdoc/>
    public unsafe SvmStatus Write(VirtualAddress address, ReadOnlySpan<byte> source)
    {
        if (source.IsEmpty)
            return SvmStatus.Done;
        if (!_known.Covers(AddressRange.OfBytes(address, source.Length)))
            return SvmStatus.NotMapped;

        // SAFETY: pinned for the call, and only read; the length goes along.
        fixed (byte* buffer = source)
            return _remote.Transfer(address, buffer, source.Length, write: true);
    }

    /// <summary>Stops serving and gives all memory back. Whoever touches the heap afterwards gets a SIGSEGV.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) // Pairs with itself: once.
            return;
        _service?.Dispose();
        _rescue?.Dispose();
        foreach (AdoptedPiece piece in _known.Adopted.All())
            Unregister(piece); // What is the program's stays, and is forked again.
        _userfault.Dispose(); // Before the memory: unmapping what is registered would wait for its event to be read.
        _heap.Dispose();
        _staging.Dispose();
        _populator?.Dispose();
        _remote.Dispose();
        _maps.Dispose();
        _pagemap.Dispose();
    }

    /// <summary>Writes a run of equal pages into the answer of a query.</summary>
    /// <param name="region">The run.</param>
    /// <param name="interval">The interval asked for.</param>
    /// <param name="pages">The answer.</param>
    private static void Describe(in PageRegion region, AddressRange interval, Span<HostPage> pages)
    {
        bool zero = (region.Categories & PagemapConstants.PAGE_IS_PFNZERO) != 0;
        bool writable = !zero && (region.Categories & PagemapConstants.PAGE_IS_WRITTEN) != 0;
        PageOrder order = (region.Categories & PagemapConstants.PAGE_IS_HUGE) != 0 ? PageOrder.Huge : PageOrder.Small;
        for (ulong page = region.Start; page < region.End; page += PageSize.Bytes)
            pages[interval.PageIndexOf(new VirtualAddress(page))] = new HostPage(new DmaPointer((nint)page), IsPresent: true, writable, zero, order);
    }
}
