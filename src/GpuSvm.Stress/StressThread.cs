// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Locking;

namespace GpuSvm.Stress;

/// <summary>A thread of a scenario on real memory: what it is doing, and how often it has come to which point. A thread that serves its fault, or applies its event, counts as it meanwhile.</summary>
/// <remarks>Locking: its counts have a lock, since two threads may serve one fault.</remarks>
/// <param name="number">Its number in the scenario.</param>
/// <param name="name">Its name.</param>
internal sealed class StressThread(int number, string name)
{
    [ThreadStatic]
    private static StressThread? _current;

    private readonly Lock _lock = new();
    private readonly Dictionary<(SchedulePointKind Kind, string Subject), int> _passed = []; // In this operation. Guarded by _lock.
    private int _operation = -1; // Guarded by _lock.
    private string _stands = "has not begun"; // For messages.
    private bool _isChanging; // Volatile.
    private ulong _touched; // The page that it touches; 0 for none. Volatile.

    /// <summary>The scenario's thread that the calling thread is, or works for; null for none.</summary>
    public static StressThread? Current
    {
        get => _current;
        set => _current = value;
    }

    /// <summary>Its number in the scenario.</summary>
    public int Number => number;

    /// <summary>Where it stands, as far as is known.</summary>
    public string Stands => $"{name} {Volatile.Read(ref _stands)}"; // Pairs with Come and End.

    /// <summary>The page that it touches at this moment; the first one of all for none.</summary>
    public VirtualAddress Touched
    {
        get => new(Volatile.Read(ref _touched)); // Pairs with the write: who serves the fault comes after the touch has begun.
        set => Volatile.Write(ref _touched, value.Value);
    }

    /// <summary>Why its touch was refused, where the library refused it: then it gets a signal. Null where nobody has.</summary>
    public SvmStatus? Refusal { get; set; } // Written by who serves the fault, read when the touch has ended.

    /// <summary>Whether it is in a system call that changes mappings.</summary>
    public bool IsChanging
    {
        get => Volatile.Read(ref _isChanging); // Pairs with the write, as for touches.
        set => Volatile.Write(ref _isChanging, value);
    }

    /// <summary>It begins an operation.</summary>
    /// <param name="operation">The operation's number.</param>
    public void Begin(int operation)
    {
        lock (_lock)
        {
            _operation = operation;
            _passed.Clear();
        }
    }

    /// <summary>It has come to a point.</summary>
    /// <param name="kind">The point.</param>
    /// <param name="subject">The object concerned, by name.</param>
    /// <returns>Which point of the thread that is.</returns>
    public StressPoint Come(SchedulePointKind kind, string subject)
    {
        Volatile.Write(ref _stands, $"stands at {kind} of '{subject}'"); // Pairs with Stands.
        lock (_lock)
        {
            int before = _passed.GetValueOrDefault((kind, subject));
            _passed[(kind, subject)] = before + 1;
            return new StressPoint(_operation, kind, subject, before);
        }
    }

    /// <summary>It has done all it had to.</summary>
    public void End() => Volatile.Write(ref _stands, "has ended"); // Pairs with Stands.
}
