// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Locking;
using GpuSvm.Linux;
using GpuSvm.Simulation;
using GpuSvm.Stress.Interop;

namespace GpuSvm.Stress;

/// <summary>
/// The process's own memory for a scenario: touches are faults of the CPU, changes are system calls, and Linux tells of them as it does. Each operation of the host memory is a schedule point, as on
/// simulated memory.
/// </summary>
/// <remarks>
/// <para><b>Touches</b> are answered where a program would get a signal (<see cref="TouchChannel"/>). None begins once the process side has ended, and the memory is given back only when none is under way:
/// addresses that are the program's no more may be anybody's.</para>
/// <para><b>What differs from a program.</b> Unmapping puts an inaccessible mapping over the pages, in one call that raises the same event: a hole could be filled by whoever maps memory in this process,
/// and the scenario would write there. Moving keeps the old place, empties it, and makes it inaccessible then.</para>
/// <para>Locking: none of its own; counters are interlocked.</para>
/// </remarks>
internal sealed partial class RealProgramMemory : IProgramMemory
{
    /// <summary>How names of threads begin that play a scenario's.</summary>
    internal const string ThreadPrefix = "stress ";

    private const long LeastHeapBytes = 8L << 20;
    private const int SettleMilliseconds = 5000;

    private readonly UserfaultHostMemory _inner;
    private readonly StressDirector _director;
    private readonly List<AddressRange> _ours = []; // Taken from the heap by calls of the program; given back at the end. Guarded by itself.
    private RelayingClient? _client;
    private int _stagingBlocks; // Interlocked.
    private int _uses; // Touches and calls under way. Interlocked.
    private int _gone; // Interlocked.

    /// <summary>Reserves a small heap.</summary>
    /// <param name="bytes">What the scenario allocates.</param>
    /// <param name="director">Hears of points, and knows the threads.</param>
    /// <exception cref="HostMemoryUnavailableException">Real memory is not to be had here; the message names the remedy.</exception>
    public RealProgramMemory(long bytes, StressDirector director)
    {
        _director = director;
        _inner = new UserfaultHostMemory(new UserfaultOptions { CapacityBytes = Math.Max(LeastHeapBytes, 4 * bytes), ServiceThreads = 2 });
    }

    /// <inheritdoc/>
    public bool IsConcurrent => true;

    /// <inheritdoc/>
    public SvmStatus CpuRead(VirtualAddress address, Span<byte> destination)
    {
        Reach(nameof(SimulatedOperation.CpuAccess));
        using var use = new Use(this, address);
        return !use.IsGiven ? SvmStatus.ProcessGone : use.Channel.TryRead(address.Value, destination) ? SvmStatus.Done : use.Refusal ?? SvmStatus.NotMapped;
    }

    /// <inheritdoc/>
    public SvmStatus CpuWrite(VirtualAddress address, ReadOnlySpan<byte> source)
    {
        Reach(nameof(SimulatedOperation.CpuAccess));
        using var use = new Use(this, address);
        return !use.IsGiven ? SvmStatus.ProcessGone : use.Channel.TryWrite(address.Value, source) ? SvmStatus.Done : WhyNoStore(use, address);
    }

    /// <inheritdoc/>
    public SvmStatus CpuAdd(VirtualAddress address, long delta)
    {
        Reach(nameof(SimulatedOperation.CpuAccess));
        using var use = new Use(this, address);
        return !use.IsGiven ? SvmStatus.ProcessGone : TouchChannel.TryAdd(address.Value, delta) ? SvmStatus.Done : WhyNoStore(use, address);
    }

    /// <inheritdoc/>
    public bool TryUse(VirtualAddress address, DmaPointer pointer, Span<byte> bytes, bool writes)
    {
        using var use = new Use(this, address);
        return use.IsGiven && (writes ? use.Channel.TryWrite((ulong)pointer.Value, bytes) : use.Channel.TryRead((ulong)pointer.Value, bytes));
    }

    /// <inheritdoc/>
    public bool TryAdd(VirtualAddress address, DmaPointer pointer, long delta)
    {
        using var use = new Use(this, address);
        return use.IsGiven && TouchChannel.TryAdd((ulong)pointer.Value, delta);
    }

    /// <inheritdoc/>
    public SvmStatus Unmap(AddressRange interval) => Change(interval, () => Replace(interval, 0));

    /// <inheritdoc/>
    public SvmStatus MapAnew(AddressRange interval)
    {
        SvmStatus status = Change(interval, () => Replace(interval, LibC.ReadWrite));
        if (!status.IsDone())
            return status;
        _client!.EnterEventGate(); // The event of what stood there has been read, and is applied once the gate has been passed.
        _client.LeaveEventGate();
        return _inner.Adopt(interval, isInPlace: false);
    }

    /// <inheritdoc/>
    public SvmStatus DontNeed(AddressRange interval) => Change(interval, () => LibC.madvise((nint)interval.Start.Value, (nuint)interval.Bytes, LibC.DontNeed) == 0);

    /// <inheritdoc/>
    public SvmStatus Protect(AddressRange interval, HostProtection protection)
    {
        int rights = protection switch
        {
            HostProtection.None => 0,
            HostProtection.ReadOnly => LibC.ReadOnly,
            _ => LibC.ReadWrite,
        };
        return Change(interval, () => LibC.mprotect((nint)interval.Start.Value, (nuint)interval.Bytes, rights) == 0);
    }

    /// <inheritdoc/>
    public SvmStatus Remap(AddressRange from, VirtualAddress to) => Change(from, () =>
    {
        if (LibC.mremap((nint)from.Start.Value, (nuint)from.Bytes, (nuint)from.Bytes, LibC.MoveAndKeep, (nint)to.Value) != (nint)to.Value)
            return false;
        lock (_ours)
            _ours.Add(AddressRange.OfBytes(to, from.Bytes));
        return Replace(from, 0);
    });

    /// <inheritdoc/>
    public unsafe SvmStatus DmaCopyFrom(DmaPointer source, Span<byte> destination)
    {
        // SAFETY: both structures live on this frame, what is private is pinned, and the kernel looks at the other side.
        fixed (byte* to = destination)
        {
            var local = new IoVec { Base = (nint)to, Length = (nuint)destination.Length };
            var remote = new IoVec { Base = source.Value, Length = (nuint)destination.Length };
            return LibC.process_vm_readv(Environment.ProcessId, &local, 1, &remote, 1, 0) == destination.Length ? SvmStatus.Done : SvmStatus.CopyFailed;
        }
    }

    /// <inheritdoc/>
    public unsafe SvmStatus DmaCopyTo(DmaPointer destination, ReadOnlySpan<byte> source)
    {
        // SAFETY: as in DmaCopyFrom.
        fixed (byte* from = source)
        {
            var local = new IoVec { Base = (nint)from, Length = (nuint)source.Length };
            var remote = new IoVec { Base = destination.Value, Length = (nuint)source.Length };
            return LibC.process_vm_writev(Environment.ProcessId, &local, 1, &remote, 1, 0) == source.Length ? SvmStatus.Done : SvmStatus.CopyFailed;
        }
    }

    /// <inheritdoc/>
    public void Settle() => SpinWait.SpinUntil(() => _client is not { IsActive: true }, SettleMilliseconds);

    /// <inheritdoc/>
    public void VerifyNoLeaks()
    {
        if (_inner.Statistics.AllocatedBytes != 0)
            throw new InvalidOperationException($"{_inner.Statistics.AllocatedBytes} bytes of the heap are allocated still.");
        if (Volatile.Read(ref _stagingBlocks) is not 0 and int blocks) // Pairs with the interlocked changes.
            throw new InvalidOperationException($"{blocks} staging blocks were not given back.");
    }

    /// <summary>Gives everything back, once nobody touches it.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _gone, 1) != 0) // Pairs with Use.
            return;
        if (!SpinWait.SpinUntil(() => Volatile.Read(ref _uses) == 0, SettleMilliseconds)) // Pairs with Use.
            return; // Somebody sleeps in a touch for ever: the run has failed, and its memory stays.
        _inner.Dispose();
        foreach (AddressRange interval in _ours)
            _ = LibC.munmap((nint)interval.Start.Value, (nuint)interval.Bytes);
    }

    /// <summary>Why a store failed.</summary>
    /// <param name="use">The use that it was made in.</param>
    /// <param name="address">Where.</param>
    /// <returns>Why the library refused it; read only if a load can be done there.</returns>
    private static SvmStatus WhyNoStore(Use use, VirtualAddress address)
    {
        Span<byte> one = stackalloc byte[1];
        return use.Refusal ?? (use.Channel.TryRead(address.Value, one) ? SvmStatus.ReadOnly : SvmStatus.NotMapped);
    }

    /// <summary>Reaches the schedule point of an operation.</summary>
    /// <param name="operation">The operation's name on simulated memory.</param>
    private static void Reach(string operation) => SchedulePoint.Reach(SchedulePointKind.HostOperation, operation);

    /// <summary>Has the program change its mappings.</summary>
    /// <param name="interval">Which.</param>
    /// <param name="call">The system call.</param>
    /// <returns>Done; process gone.</returns>
    /// <exception cref="InvalidOperationException">The call failed.</exception>
    private SvmStatus Change(AddressRange interval, Func<bool> call)
    {
        Reach(nameof(SimulatedOperation.MappingChange));
        using var use = new Use(this, default);
        if (!use.IsGiven)
            return SvmStatus.ProcessGone;
        StressThread? thread = StressThread.Current;
        if (thread is not null)
            thread.IsChanging = true;
        try
        {
            return call() ? SvmStatus.Done : throw new InvalidOperationException($"A system call on {interval} failed: {Marshal.GetLastPInvokeErrorMessage()}.");
        }
        finally
        {
            if (thread is not null)
                thread.IsChanging = false;
        }
    }

    /// <summary>Puts a fresh mapping over pages.</summary>
    /// <param name="interval">The pages.</param>
    /// <param name="protection">What may be done there; 0 for nothing.</param>
    /// <returns>False if the kernel refused.</returns>
    private bool Replace(AddressRange interval, int protection)
    {
        lock (_ours)
            _ours.Add(interval);
        return LibC.mmap((nint)interval.Start.Value, (nuint)interval.Bytes, protection, LibC.FreshAndFixed, -1, 0) == (nint)interval.Start.Value;
    }

    /// <summary>One touch, or one call of the program: the memory stays for its time.</summary>
    private readonly ref struct Use
    {
        private readonly RealProgramMemory _memory;
        private readonly StressThread? _thread;

        /// <summary>Begins it, if the process side has not ended.</summary>
        /// <param name="memory">The memory.</param>
        /// <param name="address">What is touched, so that who serves the fault knows for whom.</param>
        public Use(RealProgramMemory memory, VirtualAddress address)
        {
            _memory = memory;
            Interlocked.Increment(ref memory._uses); // Before the look. Pairs with Dispose.
            IsGiven = Volatile.Read(ref memory._gone) == 0;
            Channel = TouchChannel.Take();
            _thread = StressThread.Current;
            if (_thread is null)
                return;
            _thread.Refusal = null;
            _thread.Touched = address;
        }

        /// <summary>Why the library refused the touch; null if it has not.</summary>
        public SvmStatus? Refusal => _thread?.Refusal;

        /// <summary>Whether the memory is there.</summary>
        public bool IsGiven { get; }

        /// <summary>To touch by.</summary>
        public TouchChannel Channel { get; }

        /// <summary>Ends it.</summary>
        public void Dispose()
        {
            if (_thread is not null)
                _thread.Touched = default;
            Channel.Return();
            Interlocked.Decrement(ref _memory._uses); // Pairs with Dispose of the memory.
        }
    }
}
