// SPDX-License-Identifier: MIT
using System.Runtime.CompilerServices;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.SoftwareGpu;

/// <summary>
/// A compute unit's way to memory: marks accesses, keeps the TLB in step with invalidations, walks the page table on a miss, and raises faults. It is the unit's half of the
/// protocol told at <see cref="SoftwareGpuPageTable"/>.
/// </summary>
/// <remarks>Used by its unit's thread alone; the unit's state is what invalidators read. An access is: <see cref="Enter"/>, any number of
/// <see cref="Translate"/> and uses, <see cref="Leave"/>. Nothing in between may wait, allocate or throw.</remarks>
internal sealed unsafe class SoftwareGpuMmu
{
    private const int PromptReplays = 4;
    private const int YieldingReplays = 64;

    private readonly SoftwareGpuDevice _device;
    private readonly SoftwareGpuTlb _tlb = new();
    private readonly SoftwareGpuUnitState* _state;
    private readonly SoftwareGpuIommu? _iommu; // Null: system memory is reached by pointer.
    private readonly ulong _memoryBase;
    private readonly byte* _useMarks;
    private readonly ulong _useMarkCount;
    private readonly int _unit;
    private SoftwareGpuPageTable? _table;
    private SoftwareGpuAccessCounters? _counters; // The table's; null where nothing is counted.
    private SoftwareGpuRecording? _recording; // Whom to tell of first uses and samples.
    private int _untilSample; // Translations until the next one.
    private bool _isWatched; // Whether accesses are counted or sampled.
    private ulong _uncountedMarks; // Use marks of memory whose accesses are neither counted nor sampled: all, or none.
    private ulong* _newest; // The table's newest invalidation.
    private ulong _seen; // The newest invalidation that the TLB has been cleared of.
    private bool _looksAhead; // The next translation is what a fault was served for.
    private bool _isRefused; // Whether the last walk found an entry that the IOMMU does not let through.

    /// <summary>Makes an MMU with an empty TLB.</summary>
    /// <param name="device">The device.</param>
    /// <param name="unit">The unit's number.</param>
    /// <param name="state">The unit's published state, pinned for the device's life.</param>
    internal SoftwareGpuMmu(SoftwareGpuDevice device, int unit, SoftwareGpuUnitState* state)
    {
        _device = device;
        _unit = unit;
        _state = state;
        _memoryBase = (ulong)device.Memory.BasePointer;
        _iommu = device.Iommu;
        GuardsSystemMemory = device.GuardsSystemMemory;
        _useMarks = device.Memory.UseMarks;
        _useMarkCount = (ulong)device.Memory.UseMarkCount;
    }

    /// <summary>Translations asked for; counted by the callers of <see cref="Translate"/>, many at a time.</summary>
    internal long Lookups { get; set; }

    /// <summary>Of these, not answered by the TLB.</summary>
    internal long Misses { get; private set; }

    /// <summary>Faults raised.</summary>
    internal long Faults { get; private set; }

    /// <summary>Whether an invalidation waits to be seen: an access that goes on for long leaves and enters again.</summary>
    internal bool IsInvalidationPending => Volatile.Read(ref *_newest) != _seen; // Pairs with the log's release of a number.

    /// <summary>Begins to run kernels in an address space.</summary>
    /// <param name="table">Its page table.</param>
    internal void Activate(SoftwareGpuPageTable table)
    {
        if (!ReferenceEquals(table, _table))
        {
            _tlb.DropAll();
            _table = table;
            _newest = table.Log.Newest;
            _seen = Volatile.Read(ref *_newest); // An empty TLB has nothing older; pairs with the log's release.
            Volatile.Write(ref _state->Acknowledged, _seen); // Before ActiveSpace: numbers of another space must not answer for this one.
        }

        _counters = table.AccessCounters;
        _recording = _device.Recording;
        bool samples = _recording is { Every: > 0 };
        _untilSample = _recording?.Every ?? 0;
        _isWatched = _counters is not null || samples;
        _uncountedMarks = _counters is { CountsOwnMemory: true } || samples ? 0 : _useMarkCount;
        Resume();
        while (table.Gate is { IsClosed: true } gate) // After the log was read: what it has not told the unit, it tells at the first access.
            WaitAt(gate);
    }

    /// <summary>Stops running kernels: no invalidation waits for this unit from now on.</summary>
    internal void Deactivate()
    {
        Leave();
        Volatile.Write(ref _state->ActiveSpace, 0); // Release: all uses of translations came before.
    }

    /// <summary>Begins an access: marks it, then takes note of invalidations (U1 and U2 of the drawing). Windows of an earlier access end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Enter()
    {
        Volatile.Write(ref _state->InAccess, 1); // No fence: the invalidator's process-wide barrier orders it before the load below.
        if (IsInvalidationPending)
            TakeNote();
    }

    /// <summary>Ends an access: translations obtained in it are no longer used (U5).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Leave() => Volatile.Write(ref _state->InAccess, 0); // Release: the uses come before. Pairs with WaitForUnit.

    /// <summary>Translates an address, inside an access (U3).</summary>
    /// <param name="address">The address.</param>
    /// <param name="write">Whether it will be written.</param>
    /// <param name="left">Bytes from the address to the end of what the translation covers.</param>
    /// <param name="system">Whether the bytes are the program's own, to be touched preemptively only.</param>
    /// <returns>A pointer to the byte; null if there is no translation, or no right to write.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal byte* Translate(ulong address, bool write, out ulong left, out bool system)
    {
        byte* block = TranslateBlock(address, write, out ulong size, out system);
        ulong offset = address & (size - 1);
        left = size - offset;
        return block == null ? null : block + offset;
    }

    /// <summary>Translates the whole block around an address, inside an access.</summary>
    /// <param name="address">The address.</param>
    /// <param name="write">Whether it will be written.</param>
    /// <param name="size">The block's bytes, a power of two; the block is aligned to them.</param>
    /// <param name="system">Whether the bytes are the program's own, to be touched preemptively only.</param>
    /// <returns>A pointer to the block's first byte; null if there is no translation, or no right to write.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal byte* TranslateBlock(ulong address, bool write, out ulong size, out bool system)
    {
        bool known = _tlb.TryFind(address, out ulong pointer, out int shift);
        if (!known || (write && (pointer & SoftwareGpuTlb.WritableFlag) == 0))
            pointer = Fill(address, write ? SoftwareGpuTlb.WritableFlag : 0, known, acceptsSystem: false, out shift);
        size = 1UL << shift;
        MarkUse(pointer, address, size, write ? MemoryAccess.Write : MemoryAccess.Read);
        system = (pointer & SoftwareGpuTlb.SystemFlag) != 0;
        return (byte*)(pointer & ~SoftwareGpuTlb.Flags);
    }

    /// <summary>Translates an address for an atomic operation, inside an access.</summary>
    /// <param name="address">The address; the operation does not cross its page.</param>
    /// <param name="acceptsSystem">Whether a writable page of the program will do although the CPU can touch it. What was accepted once is remembered as long as the translation is.</param>
    /// <param name="system">Whether it is such a page.</param>
    /// <returns>A pointer to the byte; null if there is no translation that allows it.</returns>
    internal byte* TranslateAtomic(ulong address, bool acceptsSystem, out bool system)
    {
        bool known = _tlb.TryFind(address, out ulong pointer, out int shift);
        if (!known || (pointer & SoftwareGpuTlb.AtomicFlag) == 0)
            pointer = Fill(address, SoftwareGpuTlb.AtomicFlag, known, acceptsSystem, out shift);
        MarkUse(pointer, address, 1UL << shift, MemoryAccess.Atomic);
        system = (pointer & SoftwareGpuTlb.SystemFlag) != 0;
        var block = (byte*)(pointer & ~SoftwareGpuTlb.Flags);
        return block == null ? null : block + (address & ((1UL << shift) - 1));
    }

    /// <summary>Raises a fault and waits until it is acknowledged. Not in access meanwhile, nor active.</summary>
    /// <param name="address">What could not be translated.</param>
    /// <param name="access">What was tried.</param>
    /// <param name="maxReplays">Replays after which it gives up.</param>
    /// <param name="replays">Replays so far of this piece of the access; counted up.</param>
    /// <returns><see cref="SvmStatus.Done"/>: try again; <see cref="SvmStatus.TimedOut"/> after that many replays; <see cref="SvmStatus.CopyFailed"/> if the IOMMU has refused the access,
    /// which nobody is asked to mend; else what the service said.</returns>
    internal SvmStatus Fault(ulong address, MemoryAccess access, int maxReplays, ref int replays)
    {
        if (_table!.Gate is not null)
            return Refuse(address, access);
        Deactivate();
        SvmStatus status = _isRefused ? SvmStatus.CopyFailed : SvmStatus.TimedOut;
        if (!_isRefused && replays < maxReplays)
        {
            BackOff(replays);
            replays++;
            Faults++;
            status = _device.FaultBuffer.RaiseAndWait(_unit, new VirtualAddress(address), access, _table!.AddressSpaceId);
            _looksAhead = status == SvmStatus.Done && _device.PrefetchFaults;
        }

        Resume();
        return status;
    }

    /// <summary>Whether the program's pages are reached by calls that can be refused.</summary>
    internal bool GuardsSystemMemory { get; }

    /// <summary>Whether a window may show the program's page at an address.</summary>
    /// <param name="address">The address.</param>
    /// <returns>True if it may.</returns>
    internal bool AllowsSystemWindow(ulong address) => _device.AllowsSystemWindow is not { } allows || allows(address);

    /// <summary>Whether pages of the program that the CPU can touch too are taken for atomics at once: without faults nobody can be asked for better ones.</summary>
    internal bool TakesSystemAtomics => _table!.Gate is not null;

    /// <summary>What an access without a translation comes to where no faults are raised. Leaves the access.</summary>
    /// <param name="address">What could not be translated.</param>
    /// <param name="access">What was tried.</param>
    /// <returns><see cref="SvmStatus.CopyFailed"/> if the IOMMU has refused it; <see cref="SvmStatus.ReadOnly"/> if it may be read; else <see cref="SvmStatus.NotMapped"/>.</returns>
    /// <remarks>Nothing that a running job has named goes while a unit is in access, so there is no second look.</remarks>
    private SvmStatus Refuse(ulong address, MemoryAccess access)
    {
        bool isPresent = _table!.Walk(address).IsPresent;
        Leave();
        return _isRefused ? SvmStatus.CopyFailed : isPresent && access != MemoryAccess.Read ? SvmStatus.ReadOnly : SvmStatus.NotMapped;
    }

    /// <summary>Waits at a closed gate; in access afterwards only if the caller says so anew.</summary>
    /// <param name="gate">The gate.</param>
    private void WaitAt(SoftwareGpuQueueGate gate)
    {
        Deactivate();
        gate.Pass();
        Resume();
    }

    /// <summary>Marks device memory as used, which evictions go by, and has accesses of other memory counted.</summary>
    /// <param name="pointer">The block's pointer, with flags; 0 if there is no translation.</param>
    /// <param name="address">The address that was translated.</param>
    /// <param name="size">The block's bytes.</param>
    /// <param name="access">What for.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void MarkUse(ulong pointer, ulong address, ulong size, MemoryAccess access)
    {
        ulong mark = (pointer + (address & (size - 1)) - _memoryBase) >> SoftwareGpuTlb.MediumShift;
        if (mark < _uncountedMarks)
            Mark(mark, address, access);
        else if (_isWatched)
            Watch(pointer, address, mark, access);
    }

    /// <summary>Sets a use mark.</summary>
    /// <param name="mark">Its number, below the number of marks.</param>
    /// <param name="address">The address that was translated.</param>
    /// <param name="access">What for.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Mark(ulong mark, ulong address, MemoryAccess access)
    {
        if (_useMarks[mark] == 0) // SAFETY: bounded by the caller. Read first: a line that all units write would travel between them.
            SetMark(mark, address, access);
    }

    /// <summary>Sets a use mark that was not set, and tells of it.</summary>
    /// <param name="mark">Its number, below the number of marks.</param>
    /// <param name="address">The address that was translated.</param>
    /// <param name="access">What for.</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void SetMark(ulong mark, ulong address, MemoryAccess access)
    {
        _useMarks[mark] = 1; // SAFETY: as in Mark.
        _recording?.Tell(address, access);
    }

    /// <summary>Counts and samples an access.</summary>
    /// <param name="pointer">The block's pointer; 0 if there is no translation.</param>
    /// <param name="address">The address.</param>
    /// <param name="mark">Its use mark's number, if it is in the device's memory.</param>
    /// <param name="access">What for.</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Watch(ulong pointer, ulong address, ulong mark, MemoryAccess access)
    {
        if (pointer == 0)
            return;
        if (mark < _useMarkCount)
            Mark(mark, address, access);
        if (_counters is not null && (mark >= _useMarkCount || _counters.CountsOwnMemory))
            _counters.CountAccess(address);
        if (_recording is not { Every: > 0 } recording || --_untilSample > 0)
            return;
        _untilSample = recording.Every;
        recording.Tell(address, access);
    }

    /// <summary>Says with a full fence that this unit runs kernels of its space, before it looks at invalidations again.</summary>
    private void Resume() => Interlocked.Exchange(ref _state->ActiveSpace, _table!.AddressSpaceId); // Pairs with the barrier in InvalidateTlb.

    /// <summary>Clears the TLB of what was invalidated, then says so.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void TakeNote()
    {
        _seen = _table!.Log.Apply(_seen, _tlb);
        while (_table.Gate is { IsClosed: true } gate)
        {
            WaitAt(gate);
            Volatile.Write(ref _state->InAccess, 1); // As in Enter, after the full fence of Resume.
            _seen = _table.Log.Apply(_seen, _tlb); // Before the next look at the gate: a stop that is not seen closed has a number that is not acknowledged.
        }

        Volatile.Write(ref _state->Acknowledged, _seen); // Release: no translation older than this is held. Pairs with WaitForUnit.
    }

    /// <summary>Walks the page table and puts what it finds into the TLB.</summary>
    /// <param name="address">Any address.</param>
    /// <param name="need">The flag that the translation must have; 0 for none.</param>
    /// <param name="known">Whether the TLB has a translation without it.</param>
    /// <param name="acceptsSystem">Whether a writable page of the program counts as good for atomics.</param>
    /// <param name="shift">log2 of the block's bytes.</param>
    /// <returns>The block's pointer with flags, or 0.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong Fill(ulong address, ulong need, bool known, bool acceptsSystem, out int shift)
    {
        Misses++;
        _isRefused = false;
        SoftwareGpuPte entry = _table!.Walk(address);
        SoftwareGpuPageClass size = entry.Size;
        shift = ShiftOf(size);
        if (!entry.IsPresent)
            return 0;

        // Device memory, a peer's too, and pages that are the device's alone are reached by pointer: no CPU page fault can stop the unit there.
        ulong flags = (entry.IsWritable ? SoftwareGpuTlb.WritableFlag : 0)
            | (entry.AllowsAtomics || (acceptsSystem && entry.IsWritable) ? SoftwareGpuTlb.AtomicFlag : 0)
            | (entry.Protocol == AddressProtocol.System && !entry.IsExclusive ? SoftwareGpuTlb.SystemFlag : 0);
        if ((flags & need) != need)
            return 0;
        ulong block = 1UL << shift;
        ulong pageInBlock = address & (block - 1) & ~(PageSize.Bytes - 1UL);
        ulong pointer;
        if (entry.Protocol == AddressProtocol.System && _iommu is not null)
        {
            ulong page = entry.Target + (size == SoftwareGpuPageClass.Huge ? pageInBlock : 0);
            pointer = _iommu.Translate(page, need != 0, ref size, out bool writable);
            if (pointer == 0)
            {
                _isRefused = true;
                return 0;
            }

            if (!writable)
                flags &= SoftwareGpuTlb.SystemFlag;
            shift = ShiftOf(size);
            block = 1UL << shift;
        }
        else
        {
            // An entry of 64 KiB has its own page's target.
            pointer = entry.Target - (size == SoftwareGpuPageClass.Medium ? pageInBlock : 0) + (entry.Protocol == AddressProtocol.LocalMemory ? _memoryBase : 0);
        }

        pointer |= flags;
        if (known)
            _tlb.Drop(address & ~(block - 1), (address & ~(block - 1)) + block); // An older translation of larger size and less right would be found first for ever.
        _tlb.Insert(address, size, pointer);
        if (_looksAhead)
            LookAhead((address & ~(block - 1)) + block, need != 0);
        return pointer;
    }

    /// <summary>Raises a fault ahead of need where the page table ends. Nobody waits for it.</summary>
    /// <param name="next">The address behind what was mapped for the last fault.</param>
    /// <param name="write">Whether that was for a write.</param>
    private void LookAhead(ulong next, bool write)
    {
        _looksAhead = false;
        if (!_table!.Walk(next).IsPresent)
            _ = _device.FaultBuffer.TryRaisePrefetch(new VirtualAddress(next), write ? MemoryAccess.Write : MemoryAccess.Read, _table.AddressSpaceId);
    }

    /// <summary>log2 of the bytes of a size.</summary>
    private static int ShiftOf(SoftwareGpuPageClass size) => size switch
    {
        SoftwareGpuPageClass.Huge => SoftwareGpuTlb.HugeShift,
        SoftwareGpuPageClass.Medium => SoftwareGpuTlb.MediumShift,
        _ => SoftwareGpuTlb.SmallShift,
    };

    /// <summary>Gives others time when the same page keeps being taken away: yields at first, sleeps later.</summary>
    private static void BackOff(int replays)
    {
        if (replays < PromptReplays)
            return;
        if (replays < YieldingReplays)
            Thread.Yield();
        else
            Thread.Sleep(1);
    }
}
