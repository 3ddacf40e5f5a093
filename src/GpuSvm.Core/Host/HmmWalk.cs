// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Host;

/// <summary>One walk over an interval, as far as it has come. Kernel: struct hmm_vma_walk.</summary>
/// <param name="host">The address space.</param>
/// <param name="interval">At most 512 pages.</param>
/// <param name="query">What is wanted.</param>
/// <param name="workspace">Receives entries, pages and frames.</param>
internal struct HmmWalk(HostAddressSpace host, AddressRange interval, in HmmQuery query, HostWorkspace workspace)
{
    private readonly HmmQuery _query = query;
    private int _position; // The first page not described yet.
    private bool _isMappingWritable; // Of the mapping walked last.

    /// <summary>The address space.</summary>
    public readonly HostAddressSpace Host => host;

    /// <summary>The interval.</summary>
    public readonly AddressRange Interval => interval;

    /// <summary>What is wanted.</summary>
    public readonly HmmQuery Query => _query;

    /// <summary>Where the answer goes.</summary>
    public readonly HostWorkspace Workspace => workspace;

    /// <summary>The page at which the walk stopped because it is not as wanted; -1 if it came to the end.</summary>
    public int Missing { get; private set; } = -1;

    /// <summary>The page at which the mapping of the missing page ends.</summary>
    public int MappingEnd { get; private set; }

    /// <summary>Goes on to the end, or to the next page that is not as wanted.</summary>
    /// <returns><see cref="SvmStatus.Done"/>, see <see cref="Missing"/>; <see cref="SvmStatus.NotMapped"/>, <see cref="SvmStatus.ReadOnly"/>; <see cref="SvmStatus.Retry"/> if a mapping
    /// went while it was looked at; the host memory's failure.</returns>
    /// <remarks>Locking: Host held.</remarks>
    public SvmStatus Run()
    {
        host.Lock.AssertHeld();
        Missing = -1;
        int pages = (int)interval.Pages;
        workspace.WalkedPages = pages;
        host.ReadEntries(new AddressRange(AddressOf(_position), interval.End), workspace.Entries.AsSpan(_position, pages - _position));
        while (_position < pages)
        {
            bool isFound = host.TryFindMapping(AddressOf(_position), out HostMapping mapping) && mapping.Interval.Start < interval.End;
            if (!isFound || mapping.Interval.Start > AddressOf(_position) || !mapping.IsReadable)
            {
                int end = !isFound ? pages
                    : mapping.Interval.Start > AddressOf(_position) ? interval.PageIndexOf(mapping.Interval.Start) : EndIn(mapping);
                SvmStatus status = WalkHole(end);
                if (status != SvmStatus.Done || workspace.WalkedPages < pages)
                    return status;
                continue;
            }

            SvmStatus walked = WalkMapping(mapping);
            if (walked != SvmStatus.Done || Missing >= 0 || workspace.WalkedPages < pages)
                return walked;
        }

        return SvmStatus.Done;
    }

    /// <summary>What is wanted of a page.</summary>
    /// <param name="page">Its index.</param>
    /// <returns>The request.</returns>
    public readonly HmmRequest RequestOf(int page) => _query.For(workspace.Requests[page]);

    /// <summary>Whether a device page belongs to the asking owner.</summary>
    /// <param name="entry">A device page.</param>
    /// <returns>True if it does.</returns>
    public readonly bool IsOwn(PageEntry entry) => _query.Owner != 0 && host.OwnerOf(entry.Pagemap) == _query.Owner;

    /// <summary>Whether reading wants a page of its own too, because the page of zeroes would be replaced without a word.</summary>
    /// <returns>True if it does, at the missing page.</returns>
    public readonly bool NeedsOwnPage() => _isMappingWritable && !_query.KeepZeroPage;

    /// <summary>Whether the same is to be done for another page of the host as for the missing one.</summary>
    /// <param name="page">Its index.</param>
    /// <returns>True if it may be faulted together with it.</returns>
    public readonly bool IsLikeMissing(int page) => workspace.Entries[page].IsHost && RequestOf(page) == RequestOf(Missing);

    /// <summary>How many pages from one on are wanted and lie in the same hold as it.</summary>
    /// <param name="page">The page, an exclusive one.</param>
    /// <returns>Pages, at least 1, inside one 2 MiB block.</returns>
    public readonly int HoldRun(int page)
    {
        int limit = interval.PageIndexOf(interval.Intersect(AddressOf(page).Block(PageOrder.Huge)).End);
        int end = page + 1;
        while (end < limit && workspace.Entries[end].IsExclusive && workspace.Entries[end].Hold == workspace.Entries[page].Hold && RequestOf(end) != HmmRequest.Snapshot)
            end++;
        return end - page;
    }

    /// <summary>The address of a page.</summary>
    /// <param name="page">Its index.</param>
    /// <returns>The address.</returns>
    private readonly VirtualAddress AddressOf(int page) => interval.Start + ((long)page << PageSize.Shift);

    /// <summary>The page at which a mapping ends, or the interval.</summary>
    /// <param name="mapping">The mapping.</param>
    /// <returns>Its index.</returns>
    private readonly int EndIn(in HostMapping mapping) => interval.PageIndexOf(interval.Intersect(mapping.Interval).End);

    /// <summary>Describes pages where nothing can be.</summary>
    /// <param name="end">Where they end.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or <see cref="SvmStatus.NotMapped"/> if one of them is wanted.</returns>
    private SvmStatus WalkHole(int end)
    {
        for (; _position < end; _position++)
        {
            if (RequestOf(_position) != HmmRequest.Snapshot)
                return SvmStatus.NotMapped;
            workspace.Frames[_position] = HmmFrame.Error;
            if (StopsAt(HmmFrame.Error))
                return SvmStatus.Done;
        }

        return SvmStatus.Done;
    }

    /// <summary>Describes the pages of one mapping.</summary>
    /// <param name="mapping">The mapping; it holds the page at the position, and may be read.</param>
    /// <returns>As <see cref="Run"/>.</returns>
    private SvmStatus WalkMapping(in HostMapping mapping)
    {
        int end = EndIn(mapping);
        MappingEnd = end;
        _isMappingWritable = mapping.IsWritable;
        int queried = _position; // Up to where the host memory has been asked.
        for (; _position < end; _position++)
        {
            HmmRequest request = RequestOf(_position);
            if ((request & HmmRequest.Write) == HmmRequest.Write && !mapping.IsWritable)
                return SvmStatus.ReadOnly;
            PageEntry entry = workspace.Entries[_position];
            if (entry.IsHost && queried <= _position)
            {
                SvmStatus status = QueryRun(end, out queried);
                if (status != SvmStatus.Done)
                    return status == SvmStatus.NotMapped ? SvmStatus.Retry : status;
            }

            HostPage page = workspace.Pages[_position];
            HmmFrame frame = entry.IsHost ? HmmFrame.OfHost(page with { IsWritable = page.IsWritable && mapping.IsWritable }) : FrameOf(entry);
            workspace.Frames[_position] = frame;
            if (!IsAsWanted(frame, entry, request))
            {
                Missing = _position;
                return SvmStatus.Done;
            }

            if (StopsAt(frame))
                return SvmStatus.Done;
        }

        return SvmStatus.Done;
    }

    /// <summary>Asks the host memory for the run of host pages from the position on.</summary>
    /// <param name="limit">Where to stop.</param>
    /// <param name="end">Where the run ends.</param>
    /// <returns>The host memory's status.</returns>
    private readonly SvmStatus QueryRun(int limit, out int end)
    {
        end = _position + 1;
        while (end < limit && workspace.Entries[end].IsHost)
            end++;
        return host.Query(AddressRange.OfPages(AddressOf(_position), end - _position), workspace.Pages.AsSpan(_position, end - _position));
    }

    /// <summary>The frame of a page that has an entry of its own.</summary>
    /// <param name="entry">The entry.</param>
    /// <returns>The frame; absent if it is somebody else's.</returns>
    private readonly HmmFrame FrameOf(PageEntry entry)
    {
        if (entry.IsMigrating)
            return HmmFrame.Busy;
        if (entry.IsExclusive)
        {
            HostStaging? block = host.FindHold(entry, out int owner);
            return block is null || owner != _query.Owner ? HmmFrame.Absent
                : HmmFrame.OfHold(block.Pointer + ((long)entry.HoldPage << PageSize.Shift), _isMappingWritable);
        }

        if (!IsOwn(entry))
            return HmmFrame.Absent;
        PageOrder order = host.PageOwner(entry.Pagemap).OrderOf(entry.Frame);
        bool isInPlace = ((AddressOf(_position).PageNumber ^ (ulong)(uint)entry.Frame.Number) & (ulong)(order.Pages - 1)) == 0;
        return HmmFrame.OfDevice(entry, _isMappingWritable, isInPlace ? order : PageOrder.Small);
    }

    /// <summary>Whether a page is as wanted.</summary>
    /// <param name="frame">What is there.</param>
    /// <param name="entry">Its entry.</param>
    /// <param name="request">What is wanted.</param>
    /// <returns>True if nothing needs to be done.</returns>
    private readonly bool IsAsWanted(HmmFrame frame, PageEntry entry, HmmRequest request) => request switch
    {
        HmmRequest.Snapshot => true,
        HmmRequest.Read => frame.IsValid && !(frame.IsZero && NeedsOwnPage()),
        HmmRequest.Write => frame is { IsValid: true, IsWritable: true },
        _ => frame is { IsValid: true, IsWritable: true } && !entry.IsHost,
    };

    /// <summary>Whether the walk ends at a page because it is not valid and the caller wants to know no more.</summary>
    /// <param name="frame">What is there.</param>
    /// <returns>True if it ends.</returns>
    private readonly bool StopsAt(HmmFrame frame)
    {
        if (!_query.StopAtAbsent || frame.IsValid)
            return false;
        workspace.WalkedPages = _position;
        return true;
    }
}
