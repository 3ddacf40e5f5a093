// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;

namespace GpuSvm.Simulation;

/// <summary>
/// The memory of a machine that exists only here: frames, mappings, a CPU page table in software, and the program's threads that fault on it. It behaves as
/// Linux with userfaultfd does, and every decision is made in one place and in a fixed order, so a schedule of threads decides a run completely.
/// </summary>
/// <remarks>
/// <para><b>Physical.</b> A frame store of pinned bytes with a buddy allocator. A freed frame is filled with 0xDD and must still read so when it is handed out
/// again: a device that uses a stale address either reads that pattern or is caught by it. Rubbish (0xCD) fills what a caller must write first.</para>
/// <para><b>Virtual.</b> Mappings in address order; allocation takes the lowest gap, so a freed address comes back at once. A sparse page table
/// of 512-entry blocks; a block can be one huge page until a part of it changes. A page is absent, present on its own frame, or the shared page of zeroes;
/// present ones may be write-protected or pinned. Absent ones remember whether the client took them (detached), which only serves to catch a CPU access that
/// a memory without CPU faults could not have announced.</para>
/// <para><b>CPU accesses.</b> <see cref="CpuRead"/>, <see cref="CpuWrite"/> and <see cref="CpuAdd"/> are the program's loads and stores. They go page by page, each
/// page in one critical section, so that none falls between the two halves of a detach. A miss is entered in the list of faulted threads, the lock is
/// released, and the client is told on the same thread; after that the access is tried again, at once or when the page is woken. What a program would get
/// as a signal comes back as a status.</para>
/// <para><b>Mapping changes</b> of the program (<see cref="Map"/>, <see cref="Unmap"/>, <see cref="Protect"/>, <see cref="DontNeed"/>) are announced as Linux announces them: unmap
/// after it has taken effect, madvise before, mremap after, mprotect not at all. While an event waits to be read, <see cref="Populate"/>, <see cref="Detach"/>, <see cref="Attach"/> and
/// <see cref="WriteProtect"/> answer Retry, as the kernel answers EAGAIN: a caller that repeats them while holding what the client's event gate needs hangs
/// here as it would there.</para>
/// <para><b>The watcher.</b> With <see cref="HostWatcher.Kernel"/> the machine is what a driver inside the kernel sees instead: only touches of pages that the client took away are
/// announced as faults, all others are served here, one page at a time; mprotect and the replacing of the page of zeroes are announced; a page that is attached or
/// protected without the right to write gets it back by the next store, or by mprotect; mappings merge. Recorded runs of Linux's HMM test driver are replayed on it.</para>
/// <para><b>Locks.</b> One leaf lock guards everything but the bytes reached by DMA pointer. The client is never called under it.</para>
/// <para><b>Schedule points.</b> Each operation reaches <see cref="SchedulePointKind.HostOperation"/> before its lock, with <see cref="StepOf"/> as the subject; a thread
/// about to sleep reaches <see cref="SchedulePointKind.Wait"/> with this memory as the subject.</para>
/// <para>Kernel: the mm, the buddy allocator and fs/userfaultfd.c, as far as <see cref="IHostMemory"/> needs them.</para>
/// </remarks>
public sealed partial class SimulatedHostMemory : IProgramMemory
{
    private readonly RankedReaderWriterLock _lock = new(LockRank.Leaf, "simulated host memory");
    private readonly SimulatedHostOptions _options;
    private readonly SimulatedStep[] _steps;

    // Everything below is guarded by _lock.
    private readonly FrameStore _frames;
    private readonly MappingList _mappings;
    private readonly PageTable _pages = new();
    private readonly FaultWaiters _waiters = new();
    private readonly HashSet<AddressRange> _allocations = [];
    private readonly HashSet<SimulatedStaging> _staging = [];
    private int _pendingEvents;
    private bool _isDisposed;

    // Set once by Connect, before the first allocation; read without the lock after that.
    private IHostMemoryClient? _client;

    private long _cpuFaults;

    /// <summary>Builds the machine.</summary>
    /// <param name="options">What it has and promises; null for the default, which promises everything on 32 MiB.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public SimulatedHostMemory(SimulatedHostOptions? options = null)
    {
        _options = options ?? new SimulatedHostOptions();
        ArgumentOutOfRangeException.ThrowIfNegative(_options.StagingBlocks);
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.MaxFaultRounds, 1);
        _frames = new FrameStore(_options.Frames);
        _mappings = new MappingList(merges: IsInKernel);
        SimulatedOperation[] operations = Enum.GetValues<SimulatedOperation>();
        _steps = new SimulatedStep[operations.Length];
        foreach (SimulatedOperation operation in operations)
            _steps[(int)operation] = new SimulatedStep(this, operation);
    }

    /// <inheritdoc/>
    public HostMemoryCapabilities Capabilities => _options.Capabilities;

    /// <summary>Frames in use at this moment: by pages and by staging blocks.</summary>
    public int FramesInUse => Locked(static memory => memory._frames.InUse);

    /// <summary>Staging blocks acquired and not given back.</summary>
    public int StagingBlocksOut => Locked(static memory => memory._staging.Count);

    /// <summary>Program threads that have faulted and not yet tried again.</summary>
    public int FaultedThreads => Locked(static memory => memory._waiters.Count);

    /// <summary>Faults announced to the client so far.</summary>
    public long CpuFaults => Interlocked.Read(ref _cpuFaults);

    /// <summary>The subject of this memory's schedule points for one operation.</summary>
    /// <param name="operation">The operation.</param>
    /// <returns>The same object each time.</returns>
    public SimulatedStep StepOf(SimulatedOperation operation) => _steps[(int)operation];

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">A client is connected already.</exception>
    public void Connect(IHostMemoryClient client)
    {
        ArgumentNullException.ThrowIfNull(client);
        if (Interlocked.CompareExchange(ref _client, client, null) is not null)
            throw new InvalidOperationException("A client is connected already; a host memory serves one host address space.");
    }

    /// <summary>Ends the machine: threads that wait for a page give up with <see cref="SvmStatus.ProcessGone"/>, and so does every later access.</summary>
    public void Dispose()
    {
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        _isDisposed = true;
        _waiters.WakeAll();
    }

    /// <summary>Whether a capability is promised.</summary>
    /// <param name="capability">One bit.</param>
    /// <returns>True if it is.</returns>
    private bool Has(HostMemoryCapabilities capability) => (_options.Capabilities & capability) != 0;

    /// <summary>Whether the client watches from inside the kernel.</summary>
    private bool IsInKernel => _options.Watcher == HostWatcher.Kernel;

    /// <summary>Reaches the schedule point of an operation. Locking: holds nothing of ours.</summary>
    /// <param name="operation">The operation.</param>
    private void Reach(SimulatedOperation operation) => SchedulePoint.Reach(SchedulePointKind.HostOperation, _steps[(int)operation]);

    /// <summary>Reads one number under the lock.</summary>
    /// <param name="read">What to read.</param>
    /// <returns>The number.</returns>
    private int Locked(Func<SimulatedHostMemory, int> read)
    {
        using RankedReaderWriterLock.WriteScope scope = _lock.EnterWrite();
        return read(this);
    }

    /// <summary>The checks that every operation on pages begins with.</summary>
    /// <param name="interval">The interval given.</param>
    /// <param name="maxPages">The most pages it may have.</param>
    /// <returns><see cref="SvmStatus.Done"/>, <see cref="SvmStatus.ProcessGone"/>, <see cref="SvmStatus.InvalidArgument"/> or <see cref="SvmStatus.NotMapped"/>.</returns>
    private SvmStatus CheckIntervalLocked(AddressRange interval, long maxPages)
    {
        _lock.AssertHeld();
        if (_isDisposed)
            return SvmStatus.ProcessGone;
        if (interval.IsEmpty || !interval.IsPageAligned || interval.Pages > maxPages)
            return SvmStatus.InvalidArgument;
        return _mappings.Covers(interval) ? SvmStatus.Done : SvmStatus.NotMapped;
    }

    /// <summary>Makes the pages of an interval absent and gives their frames back. Mappings stay.</summary>
    /// <param name="interval">A page-aligned interval of any size.</param>
    private void DropPagesLocked(AddressRange interval)
    {
        _lock.AssertHeld();
        ulong end = interval.End.PageNumber;
        for (ulong page = _pages.SkipUntouched(interval.Start.PageNumber, end); page < end; page = _pages.SkipUntouched(page + 1, end))
        {
            ref PageEntry entry = ref _pages.EntrySplit(page);
            if (entry.OwnsFrame)
                _frames.Free(entry.Frame, 1);
            entry = default;
        }
    }
}
