// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Locking;

/// <summary>Where in the protocol a thread stands at a schedule point.</summary>
public enum SchedulePointKind
{
    /// <summary>About to take a lock exclusively; the subject is the lock.</summary>
    LockTake,

    /// <summary>About to take a lock shared; the subject is the lock.</summary>
    LockTakeShared,

    /// <summary>Has just released a lock; the subject is the lock.</summary>
    LockReleased,

    /// <summary>About to wait for a running invalidation or migration to end.</summary>
    Wait,

    /// <summary>Has just read a notifier sequence; the subject is the notifier.</summary>
    SequenceRead,

    /// <summary>About to fault an interval in, between the sequence read and the notifier lock.</summary>
    HmmFault,

    /// <summary>The interval is faulted in on the host side; the notifier lock is about to be taken.</summary>
    HmmFaulted,

    /// <summary>The notifier lock is held and the sequence was found unchanged: the pages are about to be mapped for the device; the subject is the notifier.</summary>
    PagesPublishing,

    /// <summary>The pages are mapped for the device, the page table not yet written.</summary>
    PagesMapped,

    /// <summary>Pages are collected for migration and invisible to the CPU; the copy has not begun.</summary>
    MigrationCollected,

    /// <summary>The copy is done; the pages are not yet visible at their new place.</summary>
    MigrationCopied,

    /// <summary>An invalidation is about to call its notifiers.</summary>
    InvalidationStart,

    /// <summary>An invalidation has started all its notifiers and finished none.</summary>
    InvalidationStarted,

    /// <summary>A call is about to count itself in as a user of the process side of an address space; the subject is the address space.</summary>
    UseBeginning,

    /// <summary>A call that uses the process side of an address space is about to let go of it; the subject is the address space.</summary>
    UseEnding,

    /// <summary>The last user has gone, and the process side is about to end; the subject is the address space.</summary>
    ProcessEnding,

    /// <summary>An invalidation has called its notifiers; the change is about to be made.</summary>
    InvalidationCalled,

    /// <summary>A garbage collection is about to begin.</summary>
    Collect,

    /// <summary>The pieces of a range that has lost a part are made, and about to take its place; the subject is the range.</summary>
    RangeSplit,

    /// <summary>An event has begun to stop the queues that it takes something from, and is about to wait for them; the subject is the gate of the VM's jobs.</summary>
    QueuesStopping,

    /// <summary>They have stopped; the event is about to call its notifiers. The subject is the gate.</summary>
    QueuesStopped,

    /// <summary>What a job lost is bound again, and whether nothing has come between is about to be looked at; the subject is the job.</summary>
    JobBound,

    /// <summary>The queues of devices are about to be looked at, and resumed where nothing is missing; the subject is the gate.</summary>
    QueuesResuming,

    /// <summary>A unit has found its queue stopped and is about to wait; the subject is the device's gate.</summary>
    UnitStopping,

    /// <summary>About to change or to read, without a lock, a word that decides what other threads do, such as a count of references; the subject is whose word it is.</summary>
    Atomic,

    /// <summary>About to do something to a host memory, or at a telling place inside it; the subject says what and to which (simulated memory only).</summary>
    HostOperation,
}
