// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.SoftwareGpu;

/// <summary>One run of a kernel over its groups, from <see cref="SoftwareGpuQueue.Start"/> to the last group's end. Needs no dispose.</summary>
/// <remarks>Thread-safe. Its first failure decides: groups not yet begun are cancelled, running ones fail at their next access. Only this launch is affected.</remarks>
public sealed class SoftwareGpuLaunch
{
    /// <summary>A launch that is over, for units that run none.</summary>
    internal static readonly SoftwareGpuLaunch None = new(null, 0, 0, 0, SvmStatus.InvalidHandle);

    private readonly object _gate = new(); // A monitor, for it can wait; guards _isComplete.
    private readonly long _started = Stopwatch.GetTimestamp();
    private long _ended;
    private ulong _nextGroup;
    private int _failing; // 1 once somebody records the failure.
    private int _status; // An SvmStatus; written once, after the fields below it.
    private ulong _faultAddress;
    private MemoryAccess _faultAccess;
    private string? _message;
    private bool _isComplete;
    private Action? _whenComplete; // Guarded by _gate.
    private SoftwareGpuLaunch? _awaited; // The last of After of which the queue will hear. Guarded by the scheduler's gate.

    /// <summary>Makes a launch.</summary>
    /// <param name="table">The address space; null for one that never runs.</param>
    /// <param name="kernel">The kernel's native address.</param>
    /// <param name="arguments">What it is given.</param>
    /// <param name="groups">How many groups.</param>
    /// <param name="status">Anything but <see cref="SvmStatus.Done"/>: it is over already, with that.</param>
    internal SoftwareGpuLaunch(SoftwareGpuPageTable? table, nint kernel, nint arguments, ulong groups, SvmStatus status = SvmStatus.Done)
    {
        Table = table;
        Kernel = kernel;
        Arguments = arguments;
        Groups = groups;
        _status = (int)status;
        _ended = _started;
        _isComplete = status != SvmStatus.Done;
    }

    /// <summary>Whether it has ended and been reported: its status is final.</summary>
    public bool IsComplete
    {
        get
        {
            lock (_gate)
                return _isComplete;
        }
    }

    /// <summary><see cref="SvmStatus.Done"/>, or the first failure: the status of a fault or access, or <see cref="SvmStatus.KernelFailed"/>.</summary>
    public SvmStatus Status => (SvmStatus)Volatile.Read(ref _status); // Acquire: pairs with TryFail.

    /// <summary>The address whose access failed the launch; 0 if none did.</summary>
    public VirtualAddress FaultAddress => Status == SvmStatus.Done ? default : new VirtualAddress(_faultAddress);

    /// <summary>What was tried at <see cref="FaultAddress"/>.</summary>
    public MemoryAccess FaultAccess => Status == SvmStatus.Done ? MemoryAccess.Read : _faultAccess;

    /// <summary>How it failed, in one sentence; empty if it has not.</summary>
    public string Message
    {
        get
        {
            SvmStatus status = Status;
            if (status == SvmStatus.Done)
                return "";
            if (_message is not null)
                return _message;
            return _faultAddress == 0 && Table is null
                ? $"The launch was refused: {status.Describe()}."
                : $"{(_faultAccess switch { MemoryAccess.Read => "A read", MemoryAccess.Write => "A write", _ => "An atomic operation" })} at {FaultAddress} failed: {status.Describe()}.";
        }
    }

    /// <summary>Nanoseconds from the start to the last group's end; until then, so far.</summary>
    public long ElapsedNanoseconds
    {
        get
        {
            long ended = Volatile.Read(ref _ended); // Pairs with End; the start's own value means "not yet".
            long ticks = (ended == _started && !IsComplete ? Stopwatch.GetTimestamp() : ended) - _started;
            return Histogram.NanosecondsOf(ticks);
        }
    }

    /// <summary>The address space.</summary>
    internal SoftwareGpuPageTable? Table { get; }

    /// <summary>The queue it stands in; null for one that never runs.</summary>
    internal SoftwareGpuQueue? Queue { get; init; }

    /// <summary>What is complete before it begins. Guarded by the scheduler's gate; entries are dropped as they complete.</summary>
    internal SoftwareGpuLaunch[] After { get; set; } = [];

    /// <summary>The kernel's native address.</summary>
    internal nint Kernel { get; }

    /// <summary>What the kernel is given.</summary>
    internal nint Arguments { get; }

    /// <summary>How many groups.</summary>
    internal ulong Groups { get; }

    /// <summary>Units that run it; guarded by the scheduler's gate.</summary>
    internal int Units { get; set; }

    /// <summary>Whether its last unit has left it; guarded by the scheduler's gate.</summary>
    internal bool IsClosing { get; set; }

    /// <summary>Whether it has failed, in one load.</summary>
    internal bool HasFailed => Volatile.Read(ref _status) != 0;

    /// <summary>Whether a group is left to begin.</summary>
    internal bool HasGroups => !HasFailed && Volatile.Read(ref _nextGroup) < Groups;

    /// <summary>Makes a mark that launches can wait for: nothing runs, and <see cref="Complete"/> says when it is over.</summary>
    /// <returns>The mark.</returns>
    public static SoftwareGpuLaunch CreateMark() => new(null, 0, 0, 0);

    /// <summary>Has something done once it is complete, unless it is already.</summary>
    /// <param name="action">What to do: short, and on whatever thread completes it, after who waits was woken. It may not throw.</param>
    /// <returns>False if it is complete; nothing is done then.</returns>
    public bool TryWhenComplete(Action action)
    {
        lock (_gate)
        {
            if (_isComplete)
                return false;
            _whenComplete += action;
            return true;
        }
    }

    /// <summary>Waits until it is complete.</summary>
    public void Wait() => _ = Wait(Timeout.InfiniteTimeSpan);

    /// <summary>Waits until it is complete, or for some time.</summary>
    /// <param name="timeout">How long; <see cref="Timeout.InfiniteTimeSpan"/> waits for ever.</param>
    /// <returns>False if the time ran out.</returns>
    public bool Wait(TimeSpan timeout)
    {
        long start = Stopwatch.GetTimestamp();
        lock (_gate)
        {
            while (!_isComplete)
            {
                if (timeout == Timeout.InfiniteTimeSpan)
                {
                    Monitor.Wait(_gate);
                    continue;
                }

                TimeSpan left = timeout - Stopwatch.GetElapsedTime(start);
                if (left <= TimeSpan.Zero)
                    return false;
                Monitor.Wait(_gate, left.TotalMilliseconds < int.MaxValue ? left : TimeSpan.FromMilliseconds(int.MaxValue - 1));
            }

            return true;
        }
    }

    /// <summary>Ends it as failed, from outside: groups not begun are cancelled, running ones fail at their next access. A unit that waits for a fault waits for its acknowledge first.</summary>
    /// <param name="status">With what; not <see cref="SvmStatus.Done"/>.</param>
    /// <param name="message">One sentence.</param>
    /// <returns>False if it had failed before, or is complete.</returns>
    public bool Cancel(SvmStatus status, string message)
    {
        ArgumentOutOfRangeException.ThrowIfEqual((int)status, (int)SvmStatus.Done, nameof(status));
        lock (_gate)
            return !_isComplete && TryFail(status, 0, MemoryAccess.Read, message);
    }

    /// <summary>Ends it as failed by an access, from outside: as <see cref="Cancel(SvmStatus, string)"/>, and the launch tells the address. For memory that a running launch has lost.</summary>
    /// <param name="status">With what; not <see cref="SvmStatus.Done"/>.</param>
    /// <param name="address">The address lost.</param>
    /// <param name="access">What it was named for.</param>
    /// <returns>False if it had failed before, or is complete.</returns>
    public bool Cancel(SvmStatus status, VirtualAddress address, MemoryAccess access)
    {
        ArgumentOutOfRangeException.ThrowIfEqual((int)status, (int)SvmStatus.Done, nameof(status));
        lock (_gate)
            return !_isComplete && TryFail(status, address.Value, access, null);
    }

    /// <summary>Takes the next group.</summary>
    /// <param name="group">Its index.</param>
    /// <returns>False if none is left to begin.</returns>
    internal bool TryTakeGroup(out ulong group)
    {
        group = 0;
        if (!HasGroups)
            return false;
        group = Interlocked.Increment(ref _nextGroup) - 1;
        return group < Groups;
    }

    /// <summary>Records a failure if it is the first.</summary>
    /// <param name="status">Not <see cref="SvmStatus.Done"/>.</param>
    /// <param name="address">The address accessed, or 0.</param>
    /// <param name="access">What was tried there.</param>
    /// <param name="message">A sentence, or null for one made from the others.</param>
    /// <returns>Whether it was the first.</returns>
    internal bool TryFail(SvmStatus status, ulong address, MemoryAccess access, string? message)
    {
        if (Interlocked.Exchange(ref _failing, 1) != 0)
        {
            SpinWait spin = default;
            while (!HasFailed) // The first writes three fields.
                spin.SpinOnce();
            return false;
        }

        _faultAddress = address;
        _faultAccess = access;
        _message = message;
        Volatile.Write(ref _status, (int)status); // Release: publishes the fields above.
        return true;
    }

    /// <summary>Stops its clock.</summary>
    internal void End() => Volatile.Write(ref _ended, Math.Max(Stopwatch.GetTimestamp(), _started + 1)); // Pairs with ElapsedNanoseconds.

    /// <summary>Reports it as complete, wakes who waits, and does what was asked for. Of marks for whoever made them; of launches the scheduler's business.</summary>
    public void Complete()
    {
        Action? whenComplete;
        lock (_gate)
        {
            _isComplete = true;
            whenComplete = _whenComplete;
            _whenComplete = null;
            Monitor.PulseAll(_gate);
        }

        whenComplete?.Invoke();
    }

    /// <summary>Whether all that it waits for is complete; if not, its queue hears of the next that is.</summary>
    /// <param name="queue">The queue, whose first launch it is.</param>
    /// <returns>True if it may begin.</returns>
    /// <remarks>Locking: the scheduler's gate is held.</remarks>
    internal bool IsReady(SoftwareGpuQueue queue)
    {
        foreach (SoftwareGpuLaunch other in After)
        {
            if (!ReferenceEquals(_awaited, other) && other.TryWhenComplete(queue.Poke))
                _awaited = other; // Once: the queue may be looked at for other reasons meanwhile.
            if (ReferenceEquals(_awaited, other) && !other.IsComplete)
                return false;
        }

        After = [];
        return true;
    }
}
