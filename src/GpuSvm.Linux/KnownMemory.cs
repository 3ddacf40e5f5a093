// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Linux;

/// <summary>
/// What of the process's memory is shared, the heap and what was adopted, and what the kernel says of it now. Ours is only the list of intervals; protection, and whether anything is
/// mapped at all, is asked of the kernel at every look, since mprotect announces nothing and munmap announces late.
/// </summary>
/// <remarks>Thread-safe; leaf locks only.</remarks>
internal sealed class KnownMemory
{
    private readonly Userfaultfd _userfault;

    /// <summary>Puts the parts together.</summary>
    /// <param name="userfault">The descriptor with which movable memory is registered; not owned.</param>
    /// <param name="heap">The heap; not owned.</param>
    /// <param name="maps">The kernel's list; not owned.</param>
    internal KnownMemory(Userfaultfd userfault, SharedHeap heap, ProcessMaps maps)
    {
        _userfault = userfault;
        Heap = heap;
        Maps = maps;
    }

    /// <summary>The heap.</summary>
    internal SharedHeap Heap { get; }

    /// <summary>The kernel's list.</summary>
    internal ProcessMaps Maps { get; }

    /// <summary>What is shared beside the heap.</summary>
    internal AdoptedMemory Adopted { get; } = new();

    /// <summary>What devices know of lost rights.</summary>
    internal ProtectionNotes Notes { get; } = new();

    /// <summary>Whether an interval's pages can be taken from the CPU: all of it is heap, or adopted as movable.</summary>
    /// <param name="interval">The interval.</param>
    /// <returns>True if so, by our list; what is mapped there is another question.</returns>
    internal bool Covers(AddressRange interval) => !interval.IsEmpty && (Heap.Covers(interval) || Adopted.Covers(interval, isMovable: true));

    /// <summary>Whether all of an interval is adopted to be used where it is.</summary>
    /// <param name="interval">The interval.</param>
    /// <returns>True if so.</returns>
    internal bool IsInPlace(AddressRange interval) => !interval.IsEmpty && Adopted.Covers(interval, isMovable: false);

    /// <summary>Finds the first shared mapping that ends above an address.</summary>
    /// <param name="address">Any address.</param>
    /// <param name="mapping">The mapping: as far as one piece of ours and one mapping of the kernel's reach.</param>
    /// <returns>False if there is none.</returns>
    internal bool TryFindMapping(VirtualAddress address, out HostMapping mapping)
    {
        mapping = default;
        while (TryFindPiece(address, out AdoptedPiece piece))
        {
            if (!Maps.IsAvailable)
            {
                mapping = new HostMapping(piece.Interval, IsReadable: true, IsWritable: true, piece.IsMovable);
                return true;
            }

            VirtualAddress from = piece.Interval.Start > address ? piece.Interval.Start : address;
            if (!Maps.TryFind(from.Value, out KernelMapping found))
                return false;
            AddressRange part = piece.Interval.Intersect(found.Interval);
            if (!part.IsEmpty && part.End > address)
            {
                mapping = new HostMapping(part, found.IsReadable, found.IsWritable, piece.IsMovable && found.IsPlain);
                mapping = mapping with { HasLostRights = Notes.IsNews(mapping) };
                Notes.NoteGains(mapping);
                return true;
            }

            address = piece.Interval.End;
        }

        return false;
    }

    /// <summary>An interval was unmapped: it is not ours any more.</summary>
    /// <param name="interval">As the event told it.</param>
    internal void Forget(AddressRange interval)
    {
        Heap.Forget(interval);
        Adopted.Remove(interval);
    }

    /// <summary>A mapping has moved with its registration, which also covers what it has grown by. The old place is forgotten when its UNMAP event comes, or stays, empty, if none does
    /// (MREMAP_DONTUNMAP).</summary>
    /// <param name="from">Where it was.</param>
    /// <param name="to">Where it is.</param>
    internal void Moved(AddressRange from, AddressRange to)
    {
        ulong family = Adopted.TryFind(from.Start, out AdoptedPiece piece) && piece.Interval.Contains(from.Start) ? piece.Family : 0;
        Adopted.Add(new AdoptedPiece(WithTail(to), family, IsMovable: true));
    }

    /// <summary>A fault has come from memory that is registered with us but not known: a mapping has grown where it stands, of which no event tells.</summary>
    /// <param name="page">The page touched, aligned.</param>
    internal void Learn(VirtualAddress page)
    {
        if (!Maps.TryFind(page.Value, out KernelMapping found) || !found.Interval.Contains(page) || !found.IsPlain)
            return;

        // The message may be older than its touch, and a stranger's memory stand there now. What is ours takes both: lifting a protection that is not there asks for a registration, and
        // registering anew is refused where it is another descriptor's.
        if (_userfault.WriteProtect(page.Value, PageSize.Bytes, protect: false) != 0 || !IsOurs(page))
            return;
        AdoptedPiece grown = default;
        VirtualAddress end = found.Interval.End;
        for (VirtualAddress at = found.Interval.Start; Adopted.TryFind(at, out AdoptedPiece next) && next.Interval.Start < found.Interval.End; at = next.Interval.End)
        {
            if (next.Interval.Start > page)
            {
                end = next.Interval.Start; // The kernel joins neighbours that are registered alike.
                break;
            }

            grown = next;
        }

        if (grown.IsMovable && grown.Interval.End <= page)
            Adopted.Add(grown with { Interval = new AddressRange(grown.Interval.End, end) });
    }

    /// <summary>The next piece of ours, heap or adopted.</summary>
    /// <param name="address">Any address.</param>
    /// <param name="piece">The one that begins first of those that end above it.</param>
    /// <returns>False if there is none.</returns>
    private bool TryFindPiece(VirtualAddress address, out AdoptedPiece piece)
    {
        bool isAdopted = Adopted.TryFind(address, out piece);
        if (!Heap.TryFindMapped(address, out AddressRange mapped) || (isAdopted && piece.Interval.Start < mapped.Start))
            return isAdopted;
        piece = new AdoptedPiece(mapped, 0, IsMovable: true);
        return true;
    }

    /// <summary>A moved interval and what its mapping reaches beyond it, up to the next piece of ours: the kernel joins neighbours that are registered alike.</summary>
    /// <param name="to">Where the event says it is.</param>
    /// <returns>At least that.</returns>
    private AddressRange WithTail(AddressRange to)
    {
        if (!Maps.IsAvailable || !Maps.TryFind(to.Start.Value, out KernelMapping found) || !found.Interval.Contains(to))
            return to;
        VirtualAddress end = TryFindPiece(to.End, out AdoptedPiece next) && next.Interval.Start < found.Interval.End ? next.Interval.Start : found.Interval.End;
        return new AddressRange(to.Start, end > to.End ? end : to.End);
    }

    /// <summary>Whether a page that is registered with somebody is registered with us.</summary>
    /// <param name="page">The page.</param>
    /// <returns>True if registering it again is not refused.</returns>
    private bool IsOurs(VirtualAddress page) =>
        _userfault.Register(page.Value, PageSize.Bytes, Interop.UserfaultConstants.UFFDIO_REGISTER_MODE_MISSING | Interop.UserfaultConstants.UFFDIO_REGISTER_MODE_WP) == 0;
}
