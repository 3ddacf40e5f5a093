// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Pagemaps;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation.Device;
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Simulation.Scenarios;

/// <summary>
/// One life of a scenario: the product's address space and VM over a program's memory, simulated or real, and simulated GPUs. It carries operations out, and judges what they answer and what they read.
/// </summary>
/// <remarks>Locking: leaf locks of the base library around its own lists; on simulated memory one of its threads runs at a time.</remarks>
public sealed partial class ScenarioMachine : IExploredMachine
{
    private const ulong UserptrStart = 1UL << 47;

    private static long _machines; // Made so far. Interlocked.

    private readonly Scenario _scenario;
    private readonly IProgramMemory _memory;
    private readonly HostAddressSpace _host;
    private readonly SimulatedGpu[] _gpus;
    private readonly SimulatedGpu _spare; // In no VM: for what begins and ends with uses of its pagemap.
    private readonly GpuVm _vm;
    private readonly VirtualTime? _time; // Null where real time passes.
    private readonly Action<int, int>? _began;
    private readonly AddressRange[] _intervals;
    private readonly Dictionary<(int Memory, int Page, int Cell), CellHistory> _cells = [];
    private readonly Dictionary<(int Thread, int Device), SimulatedUnit> _units = [];
    private readonly Dictionary<ScenarioPages, GpuUserptr> _userptrs = [];
    private readonly GpuJob?[] _jobs; // By thread and one more: the job that each has begun.
    private readonly List<Pagemap> _uses = [];
    private readonly ScheduleFailure? _failedBefore;
    private readonly List<(CellHistory Cell, CellHistory.Stored Zero)> _unsettled = []; // Guarded by itself.
    private readonly bool _isPatient = (Interlocked.Increment(ref _machines) & 1) == 0;
    private long _now; // Beginnings and ends of operations so far. Interlocked.
    private long _nextValue = 1000; // Interlocked.
    private bool _hasExited; // Volatile.

    /// <summary>Builds it on simulated memory and does what comes before.</summary>
    /// <param name="scenario">The scenario.</param>
    public ScenarioMachine(Scenario scenario)
        : this(scenario, Simulate(scenario), new VirtualTime(), null)
    {
    }

    /// <summary>Builds it on a program's memory and does what comes before.</summary>
    /// <param name="scenario">The scenario.</param>
    /// <param name="memory">The memory; it is given back with the machine's address space.</param>
    /// <param name="began">Told on each thread which of its operations begins: the thread's number, -1 for what comes before and after, and the operation's, from 0; null for nobody.</param>
    public ScenarioMachine(Scenario scenario, IProgramMemory memory, Action<int, int>? began)
        : this(scenario, memory, null, began)
    {
    }

    /// <summary>Builds it and does what comes before.</summary>
    /// <param name="scenario">The scenario.</param>
    /// <param name="memory">The memory.</param>
    /// <param name="time">Its clock; null for the real one.</param>
    /// <param name="began">Told which operation begins.</param>
    private ScenarioMachine(Scenario scenario, IProgramMemory memory, VirtualTime? time, Action<int, int>? began)
    {
        _scenario = scenario;
        _memory = memory;
        _time = time;
        _began = began;
        Injection.Reset();
        ScenarioOptions options = scenario.Options;
        _host = new HostAddressSpace(_memory, time);
        var linked = new Dictionary<int, SimulatedGpu>();
        _gpus = [.. Enumerable.Range(0, options.Devices).Select(_ => new SimulatedGpu(_memory, options.DevicePages, linked))];
        _spare = new SimulatedGpu(_memory, 1, linked);
        _vm = new GpuVm(_host, _gpus, new GpuVmOptions
        {
            ChunkOrders = [.. new[] { PageOrder.Huge, PageOrder.Medium, PageOrder.Small }.Where(order => order <= options.Chunk)],
            NotifierBytes = 4L << 20,
            Placement = options.Migrates ? new FirstTouchPlacement() : new SystemPlacement(),
            PartialUnmap = options.PartialUnmap,
            ShareMappings = options.SharesMappings,
            Timeslice = options.Timeslice,
            Thrash = null,
            ResetAdviceOnUnmap = options.ResetsAdvice,
            WithoutFaults = options.WithoutFaults,
            KeepFreeBytes = (long)options.KeepFreePages << PageSize.Shift,
        });
        _jobs = new GpuJob?[scenario.Threads.Count + 1];
        _intervals = [.. scenario.Memories.Select(memory => Allocate(memory.Pages))];
        Threads = [.. scenario.Threads.Select((thread, number) => new ExploredThread(thread.Name, () => RunAll(thread.Operations, number)))];
        MakeCells();
        MakeUserptrs();
        try
        {
            RunAll(scenario.Before, -1);
        }
        catch (ScheduleFailedException failed)
        {
            _failedBefore = failed.Failure;
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<ExploredThread> Threads { get; }

    /// <inheritdoc/>
    public Action? LetTimePass() => _time?.Pass();

    /// <summary>Lets go of what is the process's; everything else is left to the collector.</summary>
    public void Dispose()
    {
        if (_memory.IsConcurrent)
            _host.Dispose();
    }

    /// <summary>Makes the simulated memory of a scenario.</summary>
    /// <param name="scenario">The scenario.</param>
    /// <returns>The memory.</returns>
    private static SimulatedHostMemory Simulate(Scenario scenario) => new(new SimulatedHostOptions
    {
        Frames = (3 * scenario.Memories.Sum(memory => memory.Pages)) + 16,
        Watcher = scenario.Options.IsInKernel ? HostWatcher.Kernel : HostWatcher.UserSpace,
        MaxFaultRounds = 1000,
        DiscardOrder = scenario.Options.DiscardsLate ? DiscardOrder.AfterGate : DiscardOrder.OnRead,
    });

    /// <summary>Takes memory for a scenario.</summary>
    /// <param name="pages">How much.</param>
    /// <returns>Its interval.</returns>
    private AddressRange Allocate(int pages)
    {
        SvmStatus status = _host.Allocate((long)pages << PageSize.Shift, out AddressRange interval);
        return status.IsDone() ? interval : throw new InvalidOperationException($"A scenario's memory of {pages} pages cannot be had: {status}.");
    }

    /// <summary>Makes the histories of all numbers that operations name, and the units of all threads: while threads run, nothing may depend on who comes first.</summary>
    private void MakeCells()
    {
        AddCells(_scenario.Before, -1);
        AddCells(_scenario.After, -1);
        for (int thread = 0; thread < _scenario.Threads.Count; thread++)
            AddCells(_scenario.Threads[thread].Operations, thread);
    }

    /// <summary>Does so for some operations.</summary>
    /// <param name="operations">The operations.</param>
    /// <param name="thread">Their thread.</param>
    private void AddCells(IReadOnlyList<ScenarioOperation> operations, int thread)
    {
        foreach (ScenarioOperation operation in operations.Where(operation => operation.IsAccess))
        {
            _cells.TryAdd((operation.Pages.Memory, operation.Pages.First, operation.Cell), new CellHistory());
            if (operation.Device >= 0 && !_units.ContainsKey((thread, operation.Device)))
                _units.Add((thread, operation.Device), ((SimulatedPageTable)_vm.Devices[operation.Device].PageTable).CreateUnit());
        }
    }

    /// <summary>Binds the user pointers that operations use.</summary>
    private void MakeUserptrs()
    {
        IEnumerable<ScenarioOperation> all = _scenario.Before.Concat(_scenario.Threads.SelectMany(thread => thread.Operations)).Concat(_scenario.After);
        foreach (ScenarioPages pages in all.Where(operation => operation.Verb == ScenarioVerb.Use).Select(operation => operation.Pages).Distinct())
        {
            var start = new VirtualAddress(UserptrStart + ((ulong)_userptrs.Count << 30));
            SvmStatus status = _vm.BindUserptr(IntervalOf(pages), start, isReadOnly: false, out GpuUserptr? userptr);
            if (!status.IsDone())
                throw new InvalidOperationException($"A user pointer of {_scenario.NameOf(pages)} cannot be bound: {status}.");
            _userptrs.Add(pages, userptr!);
        }
    }

    /// <summary>The addresses of pages.</summary>
    /// <param name="pages">The pages.</param>
    /// <returns>Their interval.</returns>
    private AddressRange IntervalOf(ScenarioPages pages) => AddressRange.OfPages(_intervals[pages.Memory].Start + ((long)pages.First << PageSize.Shift), pages.Count);

    /// <summary>The address of a number.</summary>
    /// <param name="operation">An access.</param>
    /// <returns>Its address.</returns>
    private VirtualAddress AddressOf(ScenarioOperation operation) => IntervalOf(operation.Pages).Start + (operation.Cell * sizeof(long));

    /// <summary>Carries operations out, one after the other.</summary>
    /// <param name="operations">The operations.</param>
    /// <param name="thread">Whose; -1 for those before and after.</param>
    private void RunAll(IReadOnlyList<ScenarioOperation> operations, int thread)
    {
        for (int i = 0; i < operations.Count; i++)
        {
            _began?.Invoke(thread, i);
            Run(operations[i], thread);
        }
    }

    /// <summary>Carries one operation out.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="thread">Whose.</param>
    /// <exception cref="ScheduleFailedException">It answers what it may not, or has read what it may not.</exception>
    private void Run(ScenarioOperation operation, int thread)
    {
        ScheduleNotes.Say(operation.Text);
        SvmStatus status = operation.IsAccess ? Access(operation, thread) : Change(operation, thread);
        if (!operation.Allowed.Contains(status))
        {
            throw new ScheduleFailedException(new ScheduleFailure(
                ScheduleFailureKind.WrongStatus,
                $"'{operation.Text}' answers {status}, and may only answer {string.Join(" or ", operation.Allowed)}"));
        }
    }

    /// <summary>Reads, writes or adds.</summary>
    /// <param name="operation">An access.</param>
    /// <param name="thread">Whose.</param>
    /// <returns>What it answers.</returns>
    private SvmStatus Access(ScenarioOperation operation, int thread)
    {
        CellHistory cell = _cells[(operation.Pages.Memory, operation.Pages.First, operation.Cell)];
        if (thread < 0)
            LetGuaranteesEnd();
        long start = Interlocked.Increment(ref _now);
        long value = operation.Verb == ScenarioVerb.Write ? Interlocked.Increment(ref _nextValue) : operation.Verb == ScenarioVerb.Add ? 1 : 0;
        CellHistory.Stored? stored = operation.Verb == ScenarioVerb.Read ? null : cell.Begin(value, operation.Verb == ScenarioVerb.Add ? value : 0, start);
        long seen = value;
        SvmStatus status = operation.Device >= 0 ? OnDevice(operation, thread, ref seen) : OnCpu(operation, ref seen);
        long end = Interlocked.Increment(ref _now);
        if (stored is not null && status.IsDone())
            cell.End(stored, end);
        else if (stored is not null)
            cell.Forget(stored);
        if (operation.Verb == ScenarioVerb.Read && status.IsDone() && cell.Judge(seen, start, end) is { } wrong)
            throw new ScheduleFailedException(new ScheduleFailure(ScheduleFailureKind.LostByte, $"'{operation.Text}' has {wrong}"));
        return status;
    }

    /// <summary>An access of a device.</summary>
    /// <param name="operation">The access.</param>
    /// <param name="thread">Whose.</param>
    /// <param name="value">What is written or added; receives what is read.</param>
    /// <returns>What it answers.</returns>
    private SvmStatus OnDevice(ScenarioOperation operation, int thread, ref long value)
    {
        Core.Device.MemoryAccess access = operation.Verb switch
        {
            ScenarioVerb.Read => Core.Device.MemoryAccess.Read,
            ScenarioVerb.Write => Core.Device.MemoryAccess.Write,
            _ => Core.Device.MemoryAccess.Atomic,
        };
        return _units[(thread, operation.Device)].Access(_vm, operation.Device, AddressOf(operation), access, ref value, _jobs[thread + 1]);
    }

    /// <summary>An access of a CPU thread.</summary>
    /// <param name="operation">The access.</param>
    /// <param name="value">What is written or added; receives what is read.</param>
    /// <returns>What it answers.</returns>
    private SvmStatus OnCpu(ScenarioOperation operation, ref long value)
    {
        VirtualAddress address = AddressOf(operation);
        return operation.Verb switch
        {
            ScenarioVerb.Read => _memory.CpuRead(address, MemoryMarshal.AsBytes(new Span<long>(ref value))),
            ScenarioVerb.Write => _memory.CpuWrite(address, MemoryMarshal.AsBytes(new ReadOnlySpan<long>(in value))),
            _ => _memory.CpuAdd(address, value),
        };
    }
}
