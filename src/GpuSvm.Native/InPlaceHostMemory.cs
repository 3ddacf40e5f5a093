// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;

namespace GpuSvm.Native;

/// <summary>
/// A host memory and, beside it, memory of the program that devices use in place: always present, never taken from the CPU, never moved. To the address space such memory is a mapping that is not
/// anonymous, so nothing tries to migrate it.
/// </summary>
/// <remarks>
/// The program promises that the memory stays mapped until it is freed here; no system says when it does not. Everything else is the inner memory's.
/// Locking: <see cref="_gate"/>, a leaf, guards changes of <see cref="_mappings"/>, which are replaced whole; readers take none.
/// </remarks>
/// <param name="inner">The memory; this one owns it.</param>
internal sealed class InPlaceHostMemory(IHostMemory inner) : IHostMemory
{
    private readonly Lock _gate = new();
    private HostMapping[] _mappings = []; // Disjoint, in address order. Volatile: written under _gate.

    /// <inheritdoc/>
    public HostMemoryCapabilities Capabilities => inner.Capabilities;

    /// <summary>The memory without what is used in place.</summary>
    public IHostMemory Inner => inner;

    /// <summary>Begins to know memory of the program.</summary>
    /// <param name="interval">Page aligned, mapped by the program, not by the inner memory.</param>
    /// <param name="isWritable">Whether the program may write all of it.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.Busy"/> if a part of it is known already. End it by <see cref="Free"/>.</returns>
    public SvmStatus Add(AddressRange interval, bool isWritable)
    {
        lock (_gate)
        {
            if (Array.Exists(_mappings, known => known.Interval.Overlaps(interval)))
                return SvmStatus.Busy;
            HostMapping[] more = [.. _mappings, new HostMapping(interval, IsReadable: true, isWritable, IsAnonymous: false)];
            Array.Sort(more, static (one, other) => one.Interval.Start.CompareTo(other.Interval.Start));
            Volatile.Write(ref _mappings, more); // Pairs with the reads: a whole array.
            return SvmStatus.Done;
        }
    }

    /// <inheritdoc/>
    public void Connect(IHostMemoryClient client) => inner.Connect(client);

    /// <inheritdoc/>
    public SvmStatus Allocate(long bytes, out AddressRange interval) => inner.Allocate(bytes, out interval);

    /// <inheritdoc/>
    public bool IsAllocation(AddressRange interval) =>
        Array.Exists(Volatile.Read(ref _mappings), known => known.Interval == interval) || inner.IsAllocation(interval); // Pairs with Add and Free.

    /// <inheritdoc/>
    public IReadOnlyList<AddressRange> AllocatedPieces(AddressRange interval) => TryFindKnown(interval, out _) ? [interval] : inner.AllocatedPieces(interval);

    /// <inheritdoc/>
    public SvmStatus Adopt(AddressRange interval, bool isInPlace)
    {
        bool isKnown = Array.Exists(Volatile.Read(ref _mappings), known => known.Interval.Overlaps(interval)); // Pairs with Add and Free.
        return isKnown ? SvmStatus.InvalidHandle : inner.Adopt(interval, isInPlace);
    }

    /// <inheritdoc/>
    public IReadOnlyList<AddressRange> AdoptedPieces(AddressRange interval) => inner.AdoptedPieces(interval);

    /// <inheritdoc/>
    public void Disown(AddressRange interval) => inner.Disown(interval);

    /// <inheritdoc/>
    public void NoticeChanges(AddressRange interval) => inner.NoticeChanges(interval);

    /// <inheritdoc/>
    public void SetInherited(bool isInherited) => inner.SetInherited(isInherited);

    /// <inheritdoc/>
    /// <remarks>Memory of the program stays; it is only not known any more.</remarks>
    public SvmStatus Free(AddressRange interval)
    {
        lock (_gate)
        {
            HostMapping[] rest = Array.FindAll(_mappings, known => known.Interval != interval);
            if (rest.Length < _mappings.Length)
            {
                Volatile.Write(ref _mappings, rest); // As in Add.
                return SvmStatus.Done;
            }
        }

        return inner.Free(interval);
    }

    /// <inheritdoc/>
    public bool TryFindMapping(VirtualAddress address, out HostMapping mapping)
    {
        bool isFound = inner.TryFindMapping(address, out mapping);
        foreach (HostMapping known in Volatile.Read(ref _mappings)) // Pairs with Add and Free.
        {
            if (known.Interval.End <= address)
                continue;
            if (!isFound || known.Interval.Start < mapping.Interval.Start)
                mapping = known;
            return true;
        }

        return isFound;
    }

    /// <inheritdoc/>
    public SvmStatus Query(AddressRange interval, Span<HostPage> pages)
    {
        if (!TryFindKnown(interval, out HostMapping known))
            return inner.Query(interval, pages);
        if (!interval.IsPageAligned || interval.Pages > Math.Min(pages.Length, PageSize.PagesPerHuge))
            return SvmStatus.InvalidArgument;
        for (int i = 0; i < (int)interval.Pages; i++)
        {
            var pointer = new DmaPointer((nint)interval.Start.Value + ((nint)i << PageSize.Shift));
            pages[i] = new HostPage(pointer, IsPresent: true, known.IsWritable, IsZero: false, PageOrder.Small);
        }

        return SvmStatus.Done;
    }

    /// <inheritdoc/>
    public SvmStatus Populate(AddressRange interval, MemoryAccess access) => TryFindKnown(interval, out _) ? SvmStatus.Done : inner.Populate(interval, access);

    /// <inheritdoc/>
    public SvmStatus Detach(AddressRange interval, HostStaging staging) => TryFindKnown(interval, out _) ? SvmStatus.Busy : inner.Detach(interval, staging);

    /// <inheritdoc/>
    public SvmStatus Attach(AddressRange interval, HostStaging staging, int first, bool writable) => inner.Attach(interval, staging, first, writable);

    /// <inheritdoc/>
    public HostStaging? AcquireStaging(AddressRange interval, bool forAttach) => inner.AcquireStaging(interval, forAttach);

    /// <inheritdoc/>
    public void ReleaseStaging(HostStaging staging) => inner.ReleaseStaging(staging);

    /// <inheritdoc/>
    public SvmStatus WriteProtect(AddressRange interval, bool protect) => TryFindKnown(interval, out _) ? SvmStatus.NotSupported : inner.WriteProtect(interval, protect);

    /// <inheritdoc/>
    public SvmStatus Discard(AddressRange interval) => TryFindKnown(interval, out _) ? SvmStatus.NotMapped : inner.Discard(interval);

    /// <inheritdoc/>
    public void Wake(AddressRange interval) => inner.Wake(interval);

    /// <inheritdoc/>
    public SvmStatus Read(VirtualAddress address, Span<byte> destination) => inner.Read(address, destination);

    /// <inheritdoc/>
    public SvmStatus ReadInto(AddressRange interval, HostStaging staging, int first) => TryFindKnown(interval, out _) ? SvmStatus.NotSupported : inner.ReadInto(interval, staging, first);

    /// <inheritdoc/>
    public SvmStatus Write(VirtualAddress address, ReadOnlySpan<byte> source) => inner.Write(address, source);

    /// <inheritdoc/>
    public void Dispose() => inner.Dispose();

    /// <summary>Finds the known memory that holds an interval.</summary>
    /// <param name="interval">The interval.</param>
    /// <param name="mapping">The memory.</param>
    /// <returns>False if it is none.</returns>
    private bool TryFindKnown(AddressRange interval, out HostMapping mapping)
    {
        foreach (HostMapping known in Volatile.Read(ref _mappings)) // Pairs with Add and Free.
        {
            if (known.Interval.Contains(interval))
            {
                mapping = known;
                return true;
            }
        }

        mapping = default;
        return false;
    }
}
