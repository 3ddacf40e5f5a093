// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Pagemaps;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Simulation.Scenarios;

/// <content>Operations that are no accesses.</content>
public sealed partial class ScenarioMachine
{
    /// <summary>Carries out an operation that is no access.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="thread">Whose; -1 for those before and after.</param>
    /// <returns>What it answers.</returns>
    private SvmStatus Change(ScenarioOperation operation, int thread) => operation.Verb switch
    {
        ScenarioVerb.Unmap => Losing(operation, thread, () => _memory.Unmap(IntervalOf(operation.Pages))),
        ScenarioVerb.Map => Losing(operation, thread, () => _memory.MapAnew(IntervalOf(operation.Pages))),
        ScenarioVerb.Discard => Losing(operation, thread, () => _memory.DontNeed(IntervalOf(operation.Pages))),
        ScenarioVerb.Free => Losing(operation, thread, () => _host.Free(IntervalOf(operation.Pages))),
        ScenarioVerb.Reap => Losing(operation, thread, _host.TryReap),
        ScenarioVerb.Exit => Exit(),
        ScenarioVerb.Protect => Protect(operation),
        ScenarioVerb.Remap => Remap(operation, thread),
        ScenarioVerb.Share => Share(IntervalOf(operation.Pages)),
        ScenarioVerb.Fork => Fork(operation),
        ScenarioVerb.Prefetch => Prefetch(operation),
        ScenarioVerb.Evict => operation.Argument == "all"
            ? _vm.Devices[operation.Device].Pagemap.EvictAll(Core.Host.MigrationCause.Eviction)
            : _vm.Devices[operation.Device].Pagemap.EvictOne(),
        ScenarioVerb.Collect => Collect(),
        ScenarioVerb.Advise => Advise(operation),
        ScenarioVerb.Exclusive => _vm.MakeExclusive(IntervalOf(operation.Pages), operation.Device),
        ScenarioVerb.Unplug => Unplug(operation.Device),
        ScenarioVerb.Use => _userptrs[operation.Pages].Validate(operation.Device),
        ScenarioVerb.Job => BeginJob(operation, thread),
        ScenarioVerb.EndJob => EndJob(thread),
        ScenarioVerb.Expect => Expect(operation),
        ScenarioVerb.Get => GetPagemap(),
        ScenarioVerb.Put => PutPagemap(),
        ScenarioVerb.Shrink => Shrink(),
        ScenarioVerb.Sleep => Sleep(operation.Argument == "half"),
        ScenarioVerb.Inject => Inject(Enum.Parse<InjectionPoint>(operation.Argument), operation.Count),
        _ => throw new InvalidOperationException($"{operation.Verb} is an access."),
    };

    /// <summary>Does something that leaves zeroes where there was something.</summary>
    /// <param name="operation">The operation; without pages, of everything.</param>
    /// <param name="thread">Whose; -1 for those before and after.</param>
    /// <param name="change">What it does.</param>
    /// <returns>What that answers.</returns>
    /// <remarks>Where threads really run at once a call of the program ends when its event has been read: what devices do until it is applied may be done to the old bytes, and may bring those of contents that are
    /// given up back (docs/explorer.md). Every other machine has the program wait until it is, and then knows more of what must be there.</remarks>
    private SvmStatus Losing(ScenarioOperation operation, int thread, Func<SvmStatus> change)
    {
        bool waits = thread < 0 || _isPatient;
        bool isSure = !_memory.IsConcurrent || thread < 0 || (waits && operation.Verb != ScenarioVerb.Discard);
        long start = Interlocked.Increment(ref _now);
        List<(CellHistory Cell, CellHistory.Stored Zero)> zeroes = [];
        foreach (((int memory, int page, int _), CellHistory cell) in _cells)
        {
            if (operation.Pages.Memory < 0 || operation.Pages.Contains(memory, page))
                zeroes.Add((cell, cell.Begin(0, 0, start, isSure)));
        }

        SvmStatus status = change();
        if (waits)
            LetEventsEnd();
        long end = Interlocked.Increment(ref _now);
        foreach ((CellHistory cell, CellHistory.Stored zero) in zeroes)
        {
            if (status.IsDone() && _memory.IsConcurrent && !waits)
                SettleLater(cell, zero);
            else if (status.IsDone())
                cell.End(zero, end);
            else
                cell.Forget(zero);
        }

        return status;
    }

    /// <summary>Moves pages to another memory's addresses; what is read there afterwards is what was written here.</summary>
    /// <param name="operation">The operation; its argument names the first page of the target.</param>
    /// <param name="thread">Whose; -1 for those before and after.</param>
    /// <returns>What it answers.</returns>
    private SvmStatus Remap(ScenarioOperation operation, int thread)
    {
        ScenarioPages to = ScenarioReader.ParsePages(operation.Argument, _scenario.Memories, 0);
        List<(CellHistory From, CellHistory To)> moving = [];
        foreach (((int memory, int page, int cell), CellHistory history) in _cells)
        {
            if (to.Memory != memory || page < to.First || page >= to.First + operation.Pages.Count)
                continue;
            if (_cells.TryGetValue((operation.Pages.Memory, operation.Pages.First + page - to.First, cell), out CellHistory? from))
                moving.Add((from, history));
        }

        moving.ForEach(pair => pair.To.Expect(pair.From));
        long since = Interlocked.Read(ref _now);
        SvmStatus status = _memory.IsConcurrent ? Losing(operation, thread, Move) : Move(); // Where the old place is emptied before it is gone, zeroes can be read there.
        if (status.IsDone())
            moving.ForEach(pair => pair.To.TakeOver(pair.From, since));
        return status;

        SvmStatus Move() => _memory.Remap(IntervalOf(operation.Pages), IntervalOf(to).Start);
    }

    /// <summary>Changes what the program may do with pages.</summary>
    /// <param name="operation">The operation; its argument says what it may do afterwards.</param>
    /// <returns>What it answers.</returns>
    private SvmStatus Protect(ScenarioOperation operation)
    {
        AddressRange interval = IntervalOf(operation.Pages);
        SvmStatus status = _memory.Protect(interval, operation.Argument switch
        {
            "none" => HostProtection.None,
            "read" => HostProtection.ReadOnly,
            _ => HostProtection.ReadWrite,
        });
        if (_scenario.Options.IsInKernel && _memory.IsConcurrent)
            _host.NoticeChanges(interval); // Linux announces nothing: what holds at once inside the kernel holds here once the memory is named.
        return status;
    }

    /// <summary>Keeps zeroes open until it is known that the event of the call that made them has been applied.</summary>
    /// <param name="cell">The number that they are in.</param>
    /// <param name="zero">What their begin gave.</param>
    private void SettleLater(CellHistory cell, CellHistory.Stored zero)
    {
        lock (_unsettled)
            _unsettled.Add((cell, zero));
    }

    /// <summary>Waits until devices have lost what the program's calls have taken from them.</summary>
    private void LetEventsEnd()
    {
        if (_memory.IsConcurrent)
            _host.WaitForEvents();
    }

    /// <summary>Makes pages shared with a child, as fork does.</summary>
    /// <param name="interval">The pages.</param>
    /// <returns>What protecting them answers.</returns>
    private SvmStatus Share(AddressRange interval)
    {
        _host.EnterEventGate();
        _host.ProtectionChanged(interval);
        SvmStatus status = _memory.WriteProtect(interval, protect: true);
        _host.LeaveEventGate();
        return status;
    }

    /// <summary>Forks: what the child's page table then has, without anybody who serves its faults, are numbers that were there at some moment of the fork.</summary>
    /// <param name="operation">The operation.</param>
    /// <returns>What getting ready for it answers.</returns>
    /// <exception cref="ScheduleFailedException">The child has lost a number.</exception>
    private SvmStatus Fork(ScenarioOperation operation)
    {
        long start = Interlocked.Increment(ref _now);
        SvmStatus status = _host.BeginFork();
        if (status == SvmStatus.ProcessGone)
            return status;
        var seen = new List<(CellHistory Cell, long Value)>();
        foreach (((int memory, int page, int cell), CellHistory history) in _cells)
        {
            VirtualAddress address = IntervalOf(new ScenarioPages(memory, page, 1)).Start + (cell * sizeof(long));
            long value = 0;
            bool isMapped = _memory.TryFindMapping(address, out HostMapping mapping) && mapping.Interval.Contains(address);
            if (status.IsDone() && isMapped && _memory.Read(address, MemoryMarshal.AsBytes(new Span<long>(ref value))) is SvmStatus.Done or SvmStatus.NotMapped)
                seen.Add((history, value)); // What is absent reads as zero.
        }

        _host.EndFork();
        long end = Interlocked.Increment(ref _now);
        foreach ((CellHistory cell, long value) in seen)
        {
            if (cell.Judge(value, start, end) is { } wrong)
                throw new ScheduleFailedException(new ScheduleFailure(ScheduleFailureKind.LostByte, $"the child of '{operation.Text}' has {wrong}"));
        }

        return status;
    }

    /// <summary>Gives or takes back advice.</summary>
    /// <param name="operation">The operation; its argument says which.</param>
    /// <returns>What it answers.</returns>
    private SvmStatus Advise(ScenarioOperation operation) => _vm.Advise(IntervalOf(operation.Pages), advice => operation.Argument switch
    {
        "read-mostly" => advice with { IsReadMostly = true },
        "system" => advice with { Preferred = PreferredLocation.System },
        "device" => advice with { Preferred = PreferredLocation.OnDevice(Math.Max(operation.Device, 0)) },
        "accessed-by" => advice with { AccessedBy = advice.AccessedBy | 1UL << Math.Max(operation.Device, 0) },
        "never-migrate" => advice with { NeverMigrate = true },
        "pinned" => advice with { IsPinned = true },
        _ => default,
    });

    /// <summary>Brings pages to a device, or home: at once, or by the threads that do so in the background.</summary>
    /// <param name="operation">The operation; without a device, home.</param>
    /// <returns>What it answers.</returns>
    private SvmStatus Prefetch(ScenarioOperation operation)
    {
        PrefetchTarget target = operation.Device < 0 ? PrefetchTarget.System : PrefetchTarget.Device;
        int device = Math.Max(operation.Device, 0);
        return operation.Argument.Length > 0
            ? _vm.StartPrefetch([IntervalOf(operation.Pages)], target, out _, device)
            : _vm.Prefetch(IntervalOf(operation.Pages), target, out _, device);
    }

    /// <summary>Begins a thread's job.</summary>
    /// <param name="operation">The operation; its argument says whether the job only reads, or adds; else it writes.</param>
    /// <param name="thread">The thread.</param>
    /// <returns>What it answers; invalid handle if the thread has one.</returns>
    private SvmStatus BeginJob(ScenarioOperation operation, int thread) => _jobs[thread + 1] is not null ? SvmStatus.InvalidHandle
        : _vm.BeginJob([new JobMemory(IntervalOf(operation.Pages), operation.Argument switch { "read" => MemoryAccess.Read, "atomic" => MemoryAccess.Atomic, _ => MemoryAccess.Write })], out _jobs[thread + 1], out _, operation.Device);

    /// <summary>Ends a thread's job.</summary>
    /// <param name="thread">The thread.</param>
    /// <returns>Whether it kept its memory; invalid handle if the thread has none.</returns>
    private SvmStatus EndJob(int thread)
    {
        if (_jobs[thread + 1] is not { } job)
            return SvmStatus.InvalidHandle;
        _jobs[thread + 1] = null;
        return _vm.EndJob(job);
    }

    /// <summary>Looks whether pages are where they should be, or have no advice.</summary>
    /// <param name="operation">The operation; without argument: on its device, or in RAM if it names none.</param>
    /// <returns>What the look answers.</returns>
    /// <exception cref="ScheduleFailedException">They are not.</exception>
    private SvmStatus Expect(ScenarioOperation operation)
    {
        var runs = new List<MemoryRun>();
        SvmStatus status = _vm.Query(IntervalOf(operation.Pages), runs);
        foreach (MemoryRun run in runs)
        {
            bool isRight = operation.Argument switch
            {
                "unadvised" => run.Advice == default,
                "untouched" => run.Place is PagePlace.Nowhere or PagePlace.Zero,
                _ => operation.Device < 0 ? run.Place is PagePlace.Ram : run.Place is PagePlace.Device && run.Device == operation.Device,
            };
            if (!isRight)
                throw new ScheduleFailedException(new ScheduleFailure(ScheduleFailureKind.WrongStatus, $"'{operation.Text}': it is {run.Place}{(run.Device >= 0 ? $" {run.Device}" : string.Empty)}, advised {run.Advice}"));
        }

        return status;
    }

    /// <summary>Removes dead ranges.</summary>
    /// <returns>Done.</returns>
    private SvmStatus Collect()
    {
        _vm.Collect();
        return SvmStatus.Done;
    }

    /// <summary>Ends the process side.</summary>
    /// <returns>Done.</returns>
    private SvmStatus Exit()
    {
        Volatile.Write(ref _hasExited, true); // Pairs with CheckEnd, which runs when all threads have ended.
        _host.Dispose();
        return SvmStatus.Done;
    }

    /// <summary>Begins to use the spare device's pagemap.</summary>
    /// <returns>What it answers.</returns>
    private SvmStatus GetPagemap()
    {
        SvmStatus status = DevicePagemaps.Of(_spare).CacheFor(_host).Get(out Pagemap? pagemap);
        if (!status.IsDone())
            return status;
        lock (_uses)
        {
            InvariantRecord.Require(_uses.TrueForAll(used => ReferenceEquals(used, pagemap)), "INV-37", "two pagemaps of one device are in use");
            _uses.Add(pagemap!);
        }

        return status;
    }

    /// <summary>Ends a use.</summary>
    /// <returns>Done; invalid handle if there is none.</returns>
    private SvmStatus PutPagemap()
    {
        Pagemap last;
        lock (_uses)
        {
            if (_uses.Count == 0)
                return SvmStatus.InvalidHandle;
            last = _uses[^1];
            _uses.RemoveAt(_uses.Count - 1);
        }

        InvariantRecord.Require(last.HasHold, "INV-36", "a pagemap that is in use does not keep its device");
        _ = last.EndUse(); // It has brought nothing.
        last.Put();
        return SvmStatus.Done;
    }

    /// <summary>Has idle pagemaps of the spare device go.</summary>
    /// <returns>Done.</returns>
    private SvmStatus Shrink()
    {
        _ = DevicePagemaps.Of(_spare).Shrinker.Scan(8);
        return SvmStatus.Done;
    }

    /// <summary>Takes a device away; what is used of its memory afterwards is not there.</summary>
    /// <param name="device">The device.</param>
    /// <returns>What the VM answers.</returns>
    private SvmStatus Unplug(int device)
    {
        SvmStatus status = _vm.Unplug(device);
        if (status.IsDone())
            _gpus[device].Memory.Vanish();
        return status;
    }

    /// <summary>Lets a coming operation of a kind fail.</summary>
    /// <param name="point">The kind.</param>
    /// <param name="count">Which, 1 is the next.</param>
    /// <returns>Done.</returns>
    private static SvmStatus Inject(InjectionPoint point, int count)
    {
        Injection.Arm(point, count);
        return SvmStatus.Done;
    }

    /// <summary>Lets a guaranteed time pass, or half of one.</summary>
    /// <param name="half">Whether half of it.</param>
    /// <returns>Done.</returns>
    private SvmStatus Sleep(bool half)
    {
        if (half)
            LetTimePass(_scenario.Options.Timeslice / 2);
        else
            LetGuaranteesEnd();
        return SvmStatus.Done;
    }

    /// <summary>Lets so much time pass that no page has to stay where it is.</summary>
    private void LetGuaranteesEnd() => LetTimePass(_scenario.Options.Timeslice + TimeSpan.FromMilliseconds(1));

    /// <summary>Lets time pass, real or not; nothing where no stay is guaranteed.</summary>
    /// <param name="span">How much.</param>
    private void LetTimePass(TimeSpan span)
    {
        if (_time is not null)
            _time.Advance(span);
        else if (_scenario.Options.Timeslice > TimeSpan.Zero)
            Thread.Sleep(span);
    }
}
