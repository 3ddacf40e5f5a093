// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Core.Device;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Faults;

/// <summary>
/// Takes faults from a device's buffer and has them served, with a few threads of its own. Kernel: xe_pagefault_handler with its queues.
/// </summary>
/// <remarks>A fault is acknowledged exactly once, with what became of it: served, or refused with the reason. One that was overtaken in every pass goes back
/// to the end of the queue, so that others get their turn, until its time is up. Equal faults that are fetched together are served by one call. Of what is fetched together the VMs
/// have their turns one after the other, so that one with many faults does not keep the others waiting; faults ahead of need come last.</remarks>
public sealed class FaultService : IDisposable
{
    private const int MostFetched = 256; // By all threads together, so that one does not take everything.
    private const int LeastFetched = 32;
    private const int MostForOneThread = 1024; // Nobody else waits for them; a storm of equal faults is one call then.
    private const int MaxSeconds = 10;

    private readonly IFaultBuffer _buffer;
    private readonly RankedLock _gate = new(LockRank.Leaf, "VMs of a fault service");
    private readonly ServedVm _first; // Told of faults of no VM.
    private readonly Thread[] _threads;
    private ServedVm[] _vms; // Replaced whole under _gate; read without it.

    /// <summary>Starts the service.</summary>
    /// <param name="buffer">The device's fault buffer.</param>
    /// <param name="vm">The VM whose faults come out of it.</param>
    /// <param name="threads">How many threads serve, 1 to 64.</param>
    /// <param name="device">The number in the VM of the device whose buffer it is.</param>
    public FaultService(IFaultBuffer buffer, GpuVm vm, int threads, int device = 0)
        : this(buffer, [vm], [device], threads)
    {
    }

    /// <summary>Starts the service of a device that several VMs use.</summary>
    /// <param name="buffer">The device's fault buffer.</param>
    /// <param name="vms">The VMs, at least one; faults of any other address space are refused with <see cref="SvmStatus.NotMapped"/>.</param>
    /// <param name="devices">For each VM the number under which it knows the device.</param>
    /// <param name="threads">How many threads serve, 1 to 64.</param>
    public FaultService(IFaultBuffer buffer, IReadOnlyList<GpuVm> vms, IReadOnlyList<int> devices, int threads)
    {
        if (vms.Count == 0 || vms.Count != devices.Count)
            throw new ArgumentException($"Give at least one VM, and a device number for each: there are {vms.Count} and {devices.Count}.", nameof(vms));
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(threads, 64);
        _buffer = buffer;
        _vms = [.. vms.Select((vm, i) => new ServedVm(vm, vm.Devices[devices[i]]))];
        _first = _vms[0];
        _threads = new Thread[threads];
        for (int i = 0; i < threads; i++)
        {
            _threads[i] = new Thread(Run) { IsBackground = true, Name = $"gpusvm-fault-{i}" };
            _threads[i].Start();
        }
    }

    /// <summary>Begins to serve the faults of another VM. Nothing of it may run before.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="device">The number under which it knows the device.</param>
    public void Add(GpuVm vm, int device)
    {
        using (_gate.Enter())
            Volatile.Write(ref _vms, [.. _vms, new ServedVm(vm, vm.Devices[device])]); // Pairs with the reads: a whole array.
    }

    /// <summary>Serves the faults of a VM no more: returns when no thread works for it. Its launches must have ended; what comes yet (faults ahead of need) is refused.</summary>
    /// <param name="vm">One that was added; those that the service began with stay to its end.</param>
    /// <remarks>Locking: waits for faults being served; nothing may be held that they need.</remarks>
    public void Remove(GpuVm vm)
    {
        ServedVm? removed;
        using (_gate.Enter())
        {
            removed = Array.Find(_vms, served => served.Vm == vm && served != _first);
            if (removed is null)
                throw new ArgumentException("The VM is none that was added.", nameof(vm));
            Volatile.Write(ref _vms, Array.FindAll(_vms, served => served != removed)); // As in Add.
        }

        removed.End();
    }

    /// <summary>Serves one fault and acknowledges it, or puts it back. For devices whose faulting unit helps itself.</summary>
    /// <param name="fault">A fetched fault.</param>
    public void Serve(in GpuFault fault)
    {
        ServedVm? target = Enter(fault);
        try
        {
            Answer(new ReadOnlySpan<GpuFault>(in fault), Handle(fault, target), target);
        }
        finally
        {
            target?.Leave(); // Also if an invariant is broken: who removes the VM must not wait for ever.
        }
    }

    /// <summary>Ends the service once the buffer is empty. Launches must have ended.</summary>
    public void Dispose()
    {
        _buffer.Close();
        foreach (Thread thread in _threads)
            thread.Join();
    }

    /// <summary>One service thread.</summary>
    private void Run()
    {
        var batch = new GpuFault[_threads.Length == 1 ? MostForOneThread : Math.Max(LeastFetched, MostFetched / _threads.Length)];
        var isAnswered = new bool[batch.Length];
        int count;
        while ((count = _buffer.Fetch(HasTurns ? batch.AsSpan(0, Math.Min(batch.Length, MostFetched)) : batch)) > 0)
        {
            TellOfOverflow();
            isAnswered.AsSpan(0, count).Clear();
            if (HasTurns || HasPrefetch(batch.AsSpan(0, count)))
            {
                for (int first = 0; first < count; first += MostFetched) // It looks at each of them for each.
                    TakeTurns(batch.AsSpan(first, Math.Min(count - first, MostFetched)));
            }

            for (int i = 0; i < count;)
                i += isAnswered[i] ? 1 : ServeEqual(batch.AsSpan(i, count - i), isAnswered.AsSpan(i, count - i));
        }
    }

    /// <summary>Whether there are several VMs, which have turns.</summary>
    private bool HasTurns => Volatile.Read(ref _vms).Length > 1; // Pairs with Add and Remove.

    /// <summary>Records what the device has dropped since the last time.</summary>
    private void TellOfOverflow()
    {
        if (!_buffer.TryTakeOverflow(out FaultOverflow overflow))
            return;
        foreach (ServedVm served in Volatile.Read(ref _vms)) // Pairs with Add and Remove.
        {
            if (served.AddressSpaceId != overflow.AddressSpaceId || !served.TryEnter())
                continue;
            served.Vm.Host.Events.Overflow(overflow, served.Device.Pagemap.Index);
            served.Leave();
        }
    }

    /// <summary>Puts faults in the order in which they are served: each VM's in the order of arrival, the VMs in turns, faults ahead of need last.</summary>
    /// <param name="faults">Fetched faults, oldest first.</param>
    private void TakeTurns(Span<GpuFault> faults)
    {
        int last = -1; // The address space that has had its turn.
        for (int i = 0; i < faults.Length - 1; i++)
        {
            int next = i;
            for (int other = i; other < faults.Length; other++)
            {
                if (RankOf(faults[other], last) < RankOf(faults[next], last))
                    next = other;
            }

            GpuFault chosen = faults[next];
            faults[i..next].CopyTo(faults[(i + 1)..]);
            faults[i] = chosen;
            last = chosen.AddressSpaceId;
        }
    }

    /// <summary>Whether there is a fault ahead of need.</summary>
    /// <param name="faults">Faults.</param>
    private static bool HasPrefetch(ReadOnlySpan<GpuFault> faults)
    {
        foreach (ref readonly GpuFault fault in faults)
        {
            if (fault.IsPrefetch)
                return true;
        }

        return false;
    }

    /// <summary>How late a fault comes: 0 for the next VM's, 1 for one of the VM that has just had its turn, 2 and 3 the same ahead of need.</summary>
    /// <param name="fault">The fault.</param>
    /// <param name="last">The address space that has had its turn; -1 for none.</param>
    private static int RankOf(in GpuFault fault, int last) => (fault.IsPrefetch ? 2 : 0) + (fault.AddressSpaceId == last ? 1 : 0);

    /// <summary>Finds the VM of a fault and begins to serve it.</summary>
    /// <param name="fault">A fetched fault.</param>
    /// <returns>The VM, to be left; null for an address space that is none of this service's, or no more.</returns>
    private ServedVm? Enter(in GpuFault fault)
    {
        foreach (ServedVm served in Volatile.Read(ref _vms)) // Pairs with Add and Remove.
        {
            if (served.AddressSpaceId == fault.AddressSpaceId)
                return served.TryEnter() ? served : null;
        }

        return null;
    }

    /// <summary>Serves the strongest access of the faults that equal the first one, and answers all that this decides. At least one is answered; those that follow each other are answered in one go.</summary>
    /// <param name="faults">Fetched faults; the first one is not answered.</param>
    /// <param name="isAnswered">Which of them were acknowledged or put back.</param>
    /// <returns>How many at the front are answered; 0 if a weaker access is to be tried on its own.</returns>
    private int ServeEqual(ReadOnlySpan<GpuFault> faults, Span<bool> isAnswered)
    {
        int run = RunOfEqual(faults, isAnswered, out int strongest, out bool areAlike);
        bool areInOneRun = true;
        for (int i = run; i < faults.Length; i++)
        {
            if (isAnswered[i] || !AreEqual(faults[i], faults[0]))
                continue;
            areInOneRun = false;
            strongest = faults[i].Access > faults[strongest].Access ? i : strongest;
        }

        ServedVm? target = Enter(faults[0]);
        try
        {
            return ServeEqual(faults, isAnswered, new EqualFaults(run, strongest, areAlike, areInOneRun), target);
        }
        finally
        {
            target?.Leave(); // As in Serve.
        }
    }

    /// <summary>Serves the strongest access of equal faults, and answers all that this decides.</summary>
    /// <param name="faults">Fetched faults; the first one is not answered.</param>
    /// <param name="isAnswered">Which of them were acknowledged or put back.</param>
    /// <param name="equal">Those that equal the first.</param>
    /// <param name="target">Their VM, entered; null for faults of none.</param>
    /// <returns>How many at the front are answered; 0 if a weaker access is to be tried on its own.</returns>
    private int ServeEqual(ReadOnlySpan<GpuFault> faults, Span<bool> isAnswered, in EqualFaults equal, ServedVm? target)
    {
        (int run, int strongest, bool areAlike, bool areInOneRun) = equal;
        MemoryAccess access = faults[strongest].Access;
        SvmStatus status = Handle(faults[strongest], target);
        bool isForAll = status == SvmStatus.Done || status.IsRetry(); // A refusal says nothing of weaker accesses: they are tried on their own.
        int front = isForAll || (areAlike && faults[0].Access == access) ? run : 0;
        int answered = front;
        if (front > 0)
        {
            isAnswered[..front].Fill(true);
            Answer(faults[..front], status, target);
        }

        for (int i = front; i < faults.Length && (i < run || !areInOneRun); i++)
        {
            if (isAnswered[i] || !(isForAll || faults[i].Access == access) || !AreEqual(faults[i], faults[0]))
                continue;
            isAnswered[i] = true;
            answered++;
            Answer(faults.Slice(i, 1), status, target);
        }

        if (answered > 1)
            (target ?? _first).Vm.Counters.CountMerged(answered - 1);
        return front;
    }

    /// <summary>Looks how many faults at the front are equal: most are, where many units touch one page at once.</summary>
    /// <param name="faults">Fetched faults; the first one is not answered.</param>
    /// <param name="isAnswered">Which of them were acknowledged or put back.</param>
    /// <param name="strongest">The first of these with the strongest access.</param>
    /// <param name="areAlike">Whether they all try the same.</param>
    /// <returns>How many, at least 1.</returns>
    private static int RunOfEqual(ReadOnlySpan<GpuFault> faults, ReadOnlySpan<bool> isAnswered, out int strongest, out bool areAlike)
    {
        GpuFault first = faults[0]; // A copy: of a storm this is what is done for each fault, so it is to be in registers.
        ulong page = first.Address.PageNumber;
        MemoryAccess access = first.Access;
        strongest = 0;
        areAlike = true;
        int answered = isAnswered.IndexOf(true);
        faults = answered < 0 ? faults : faults[..answered];
        int run = 1;
        for (; run < faults.Length; run++)
        {
            ref readonly GpuFault fault = ref faults[run];
            if (fault.Address.PageNumber != page || fault.AddressSpaceId != first.AddressSpaceId || fault.IsPrefetch != first.IsPrefetch)
                break;
            if (fault.Access == access)
                continue;
            areAlike = false;
            if (fault.Access > access)
                (access, strongest) = (fault.Access, run);
        }

        return run;
    }

    /// <summary>Whether two faults are of one page of one address space; the access may differ.</summary>
    /// <param name="one">A fault.</param>
    /// <param name="other">Another.</param>
    private static bool AreEqual(in GpuFault one, in GpuFault other)
        => one.AddressSpaceId == other.AddressSpaceId && one.IsPrefetch == other.IsPrefetch && one.Address.PageNumber == other.Address.PageNumber;

    /// <summary>Has a fault handled, if it is of one of this service's address spaces.</summary>
    /// <param name="fault">A fetched fault.</param>
    /// <param name="target">Its VM; null for a fault of none.</param>
    /// <returns>What became of it.</returns>
    private static SvmStatus Handle(in GpuFault fault, ServedVm? target)
        => target is null ? SvmStatus.NotMapped : target.Vm.FaultHandler.Handle(fault, target.Device.Index);

    /// <summary>Acknowledges faults, or puts those back that were overtaken and have time left.</summary>
    /// <param name="faults">Equal faults, at least one.</param>
    /// <param name="status">What became of them.</param>
    /// <param name="target">Their VM; null for faults of none, which the first VM is told of.</param>
    private void Answer(ReadOnlySpan<GpuFault> faults, SvmStatus status, ServedVm? target)
    {
        if (status.IsRetry() && !faults[0].IsPrefetch) // For a prefetch nobody waits: what has not come now comes by its own fault.
        {
            foreach (ref readonly GpuFault fault in faults)
                AnswerOvertaken(fault, target);
            return;
        }

        if (!faults[0].IsPrefetch)
            Tell(faults, status, target);
        _buffer.Acknowledge(faults, status);
    }

    /// <summary>Puts a fault back that was overtaken, or refuses it if its time is up.</summary>
    /// <param name="fault">The fault.</param>
    /// <param name="target">Its VM, or null.</param>
    private void AnswerOvertaken(in GpuFault fault, ServedVm? target)
    {
        if (Stopwatch.GetElapsedTime(fault.Timestamp).TotalSeconds <= MaxSeconds)
        {
            _buffer.Requeue(fault);
            return;
        }

        Tell(new ReadOnlySpan<GpuFault>(in fault), SvmStatus.TimedOut, target);
        _buffer.Acknowledge(fault, SvmStatus.TimedOut);
    }

    /// <summary>Tells of faults that are about to be acknowledged, before the launcher hears of it: it may ask for the list.</summary>
    /// <param name="faults">The faults.</param>
    /// <param name="status">What became of them.</param>
    /// <param name="target">Their VM; null for the first.</param>
    private void Tell(ReadOnlySpan<GpuFault> faults, SvmStatus status, ServedVm? target)
    {
        ServedVm told = target ?? _first;
        GpuVm vm = told.Vm;
        if (status == SvmStatus.Done && !vm.Host.Events.IsOn)
            return;
        foreach (ref readonly GpuFault fault in faults)
        {
            if (status == SvmStatus.Done)
                vm.Host.Events.Replay(fault, told.Device.Pagemap.Index);
            else
                vm.FailedFaults.Add(fault, status, told.Device.Index);
        }
    }
}
