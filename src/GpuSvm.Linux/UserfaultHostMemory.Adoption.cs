// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Linux.Interop;

namespace GpuSvm.Linux;

/// <content>Memory that the process already has: how it comes to be shared, and how it is let go.</content>
/// <remarks>
/// Only what is named is registered, never a neighbour's page, although that cuts the kernel's mapping in two: beside a program's buffer may lie memory of the C library's or of this very library, and
/// a thread of ours that faulted on it would wait for itself. Whoever moves such a mapping over the cut with mremap is refused by the kernel (EFAULT).
/// <para>What cannot move, the pages of files, of shared memory, of memfd, of hugetlb, is not registered: devices use it in place, through the kernel, which looks at the mapping at each access.
/// No event is needed for that, since a device's address of such a page is the program's own.</para>
/// </remarks>
public sealed partial class UserfaultHostMemory
{
    /// <inheritdoc/>
    public SvmStatus Adopt(AddressRange interval, bool isInPlace)
    {
        if (interval.IsEmpty || !interval.IsPageAligned)
            return SvmStatus.InvalidArgument;
        if (!_maps.IsAvailable)
            return SvmStatus.NotSupported;
        if (_heap.IsAnyOurs(interval) || (_known.Adopted.TryFind(interval.Start, out AdoptedPiece other) && other.Interval.Start < interval.End))
            return SvmStatus.InvalidHandle;
        var pieces = new List<AdoptedPiece>();
        for (VirtualAddress at = interval.Start; at < interval.End;)
        {
            if (!_maps.TryFind(at.Value, out KernelMapping found) || !found.Interval.Contains(at))
                return SvmStatus.NotMapped;
            AddressRange part = found.Interval.Intersect(interval);
            bool isMovable = found.IsPlain && !isInPlace;
            if (!isMovable && found.IsReadable && !_remote.CanReach(at))
                return SvmStatus.NotMigratable;
            pieces.Add(new AdoptedPiece(part, interval.Start.Value, isMovable));
            at = part.End;
        }

        foreach (AdoptedPiece piece in pieces)
        {
            SvmStatus status = Register(piece);
            if (status == SvmStatus.Done)
                continue;
            Disown(interval); // Nothing of it has been used by anybody.
            return status;
        }

        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    public IReadOnlyList<AddressRange> AdoptedPieces(AddressRange interval) => [.. _known.Adopted.FamilyOf(interval.Start.Value).Select(piece => piece.Interval)];

    /// <inheritdoc/>
    public void Disown(AddressRange interval)
    {
        foreach (AdoptedPiece piece in _known.Adopted.FamilyOf(interval.Start.Value))
        {
            lock (_inheritance) // Whoever changes what children get finds it whole, or not at all.
            {
                Unregister(piece);
                _known.Adopted.Remove(piece.Interval);
            }
        }
    }

    /// <summary>Whether devices use a page where it is, as one of a file.</summary>
    /// <param name="address">Any address.</param>
    /// <returns>True if it was adopted so.</returns>
    public bool IsUsedInPlace(VirtualAddress address) => _known.IsInPlace(AddressRange.OfPages(address.AlignDown(PageOrder.Small), 1));

    /// <summary>Makes a piece shared: known first, so that whoever faults on it is served from the first moment.</summary>
    /// <param name="piece">The piece, of one mapping.</param>
    /// <returns>Done; Busy if another userfaultfd has it; OutOfHostMemory; NotMigratable if the kernel refuses it otherwise.</returns>
    private SvmStatus Register(AdoptedPiece piece)
    {
        _known.Adopted.Add(piece);
        if (!piece.IsMovable)
            return SvmStatus.Done;

        ulong start = piece.Interval.Start.Value;
        lock (_inheritance)
            Advise(piece.Interval);
        int error = _userfault.Register(start, piece.Interval.Bytes, UserfaultConstants.UFFDIO_REGISTER_MODE_MISSING | UserfaultConstants.UFFDIO_REGISTER_MODE_WP);
        return error switch
        {
            0 => SvmStatus.Done,
            Errno.EBUSY => SvmStatus.Busy,
            Errno.ENOMEM => SvmStatus.OutOfHostMemory,
            _ => SvmStatus.NotMigratable,
        };
    }

    /// <summary>Takes the registration off a piece, mapping by mapping: parts may have been unmapped, or belong to others by now.</summary>
    /// <param name="piece">The piece.</param>
    private void Unregister(AdoptedPiece piece)
    {
        if (!piece.IsMovable)
            return;
        VirtualAddress at = piece.Interval.Start;
        while (at < piece.Interval.End && _maps.TryFind(at.Value, out KernelMapping found) && found.Interval.Start < piece.Interval.End)
        {
            AddressRange part = found.Interval.Intersect(piece.Interval);
            if (found.IsPlain && _userfault.Unregister(part.Start.Value, part.Bytes) == 0)
                _ = Libc.madvise((nint)part.Start.Value, (nuint)part.Bytes, LinuxConstants.MADV_DOFORK);
            at = found.Interval.End;
        }
    }
}
