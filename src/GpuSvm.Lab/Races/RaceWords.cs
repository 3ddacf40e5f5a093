// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;
using GpuSvm.Simulation;
using GpuSvm.Simulation.Exploring;

namespace GpuSvm.Lab.Races;

/// <summary>The words of pictures: steps, locks and failures as a driver engineer would say them.</summary>
internal static class RaceWords
{
    /// <summary>What a step is.</summary>
    /// <param name="step">The step.</param>
    /// <returns>A clause without a subject: the thread is its subject.</returns>
    public static string Of(in ScheduleStep step) => step.Act switch
    {
        ScheduleAct.Begin => "begins",
        ScheduleAct.Wait => $"waits for {Named(step.Subject)}",
        ScheduleAct.Yield => "lets others go first, then tries again",
        ScheduleAct.Signal => $"lets those go on that wait for {Named(step.Subject)}",
        ScheduleAct.Note => step.Subject,
        ScheduleAct.End => "ends",
        ScheduleAct.Time => "nobody can go on: time passes",
        _ => AtPoint(step.Kind, step.Subject),
    };

    /// <summary>Whether a step at a point says something of the protocol, and is not only a lock or a count.</summary>
    /// <param name="step">The step.</param>
    /// <returns>True if a picture shows it at first sight.</returns>
    public static bool IsTelling(in ScheduleStep step) => step.Act != ScheduleAct.Point || step.Kind switch
    {
        SchedulePointKind.LockTake or SchedulePointKind.LockTakeShared or SchedulePointKind.LockReleased => false,
        SchedulePointKind.Atomic => IsDeviceMemory(step.Subject),
        SchedulePointKind.UseBeginning or SchedulePointKind.UseEnding => false,
        SchedulePointKind.HostOperation => step.Subject is not (nameof(SimulatedOperation.Query) or nameof(SimulatedOperation.Allocate)),
        _ => true,
    };

    /// <summary>A lock's name as docs/locks.md has it, where it is there.</summary>
    /// <param name="subject">Its name in the trace.</param>
    /// <returns>The name.</returns>
    public static string LockOf(string subject) => subject switch
    {
        "SvmNotifier" => "Notifier",
        "GpuVm" => "Vm",
        "RangeLocks" => "Range",
        "HostAddressSpace" => "Host",
        "PageStates" => "PageState",
        "MmuNotifierRegistry" => "registry of notifiers",
        "SvmMirror.Notifiers" => "list of windows",
        "HostWorkspaces" => "pool of workspaces",
        "simulated page table" => "GPU page table",
        "simulated host memory" => "CPU page table (simulated)",
        "simulated IOMMU" => "IOMMU (simulated)",
        _ => subject,
    };

    /// <summary>What kind of failure it is, as the beginning of a sentence.</summary>
    /// <param name="kind">The kind.</param>
    /// <returns>A clause.</returns>
    public static string Of(ScheduleFailureKind kind) => kind switch
    {
        ScheduleFailureKind.Deadlock => "Deadlock",
        ScheduleFailureKind.Livelock => "Livelock",
        ScheduleFailureKind.Invariant => "An invariant does not hold",
        ScheduleFailureKind.LostByte => "Wrong data",
        ScheduleFailureKind.LockOrder => "A lock was taken against the order",
        ScheduleFailureKind.Leak => "Something was not given back",
        ScheduleFailureKind.WrongStatus => "An operation answered what it may not",
        _ => "An exception",
    };

    /// <summary>A watched state, with what its number means.</summary>
    /// <param name="name">The name.</param>
    /// <param name="state">The state.</param>
    /// <returns>The state, and that an event is running where the sequence of the address space is odd.</returns>
    public static string StateOf(string name, string state) => name == "seq" && state.Length > 0 && "13579".Contains(state[^1], StringComparison.Ordinal) ? $"{state} (event running)" : state;

    /// <summary>A step at a point.</summary>
    /// <param name="kind">The point.</param>
    /// <param name="subject">The object concerned.</param>
    /// <returns>A clause.</returns>
    private static string AtPoint(SchedulePointKind kind, string subject) => kind switch
    {
        SchedulePointKind.LockTake => $"takes {LockOf(subject)}",
        SchedulePointKind.LockTakeShared => $"takes {LockOf(subject)}, shared",
        SchedulePointKind.LockReleased => $"releases {LockOf(subject)}",
        SchedulePointKind.Wait => $"is about to wait for {Named(subject)}",
        SchedulePointKind.SequenceRead => "reads the window's sequence; a fault begins with it",
        SchedulePointKind.HmmFault => "walks the CPU page table: faults the interval in",
        SchedulePointKind.HmmFaulted => "has the CPU's pages; makes mappings, Notifier not held",
        SchedulePointKind.PagesPublishing => "about to publish the pages (Notifier held, sequence looked at)",
        SchedulePointKind.PagesMapped => "has published the pages; the GPU page table is not yet written",
        SchedulePointKind.MigrationCollected => "has collected the pages for migration: the CPU cannot see them, nothing is copied yet",
        SchedulePointKind.MigrationCopied => "has copied the pages; they are not yet visible at their new place",
        SchedulePointKind.InvalidationStart => "an event: about to call the notifiers",
        SchedulePointKind.InvalidationStarted => "all notifiers have zapped and begun their TLB flushes; none is waited for yet",
        SchedulePointKind.InvalidationCalled => "all notifiers are done: the change may be made",
        SchedulePointKind.UseBeginning => "counts itself in as a user of the address space",
        SchedulePointKind.UseEnding => "lets go of the address space",
        SchedulePointKind.ProcessEnding => "the last user has gone: the process side is about to end",
        SchedulePointKind.Collect => "collects dead ranges",
        SchedulePointKind.RangeSplit => "has made the pieces of a split range, which are about to take its place",
        SchedulePointKind.QueuesStopping => "has told queues to stop, and waits for them",
        SchedulePointKind.QueuesStopped => "the queues have stopped; about to call the notifiers",
        SchedulePointKind.JobBound => "has bound what a job lost; about to look whether an event came between",
        SchedulePointKind.QueuesResuming => "about to resume the queues where nothing is missing",
        SchedulePointKind.UnitStopping => "finds its queue stopped",
        SchedulePointKind.Atomic when IsDeviceMemory(subject) => $"about to use {subject}, by the address it has",
        SchedulePointKind.Atomic => $"changes or reads a word without a lock: {subject}",
        _ => Enum.TryParse(subject, out SimulatedOperation operation) ? OnHost(operation) : subject,
    };

    /// <summary>A step in the simulated host memory.</summary>
    /// <param name="operation">The operation.</param>
    /// <returns>A clause.</returns>
    private static string OnHost(SimulatedOperation operation) => operation switch
    {
        SimulatedOperation.Allocate => "maps fresh memory",
        SimulatedOperation.Free => "unmaps an allocation",
        SimulatedOperation.Query => "reads the CPU page table",
        SimulatedOperation.Populate => "makes absent pages present for the CPU",
        SimulatedOperation.Detach => "takes pages from the CPU",
        SimulatedOperation.Attach => "gives pages to the CPU",
        SimulatedOperation.WriteProtect => "changes write protection",
        SimulatedOperation.Discard => "drops pages for the client",
        SimulatedOperation.DmaAccess => "accesses pages as a DMA engine does",
        SimulatedOperation.CpuAccess => "the CPU accesses the page",
        SimulatedOperation.CpuFault => "CPU page fault: about to tell the client",
        SimulatedOperation.MappingChange => "system call: about to change the mapping",
        SimulatedOperation.UnmapApplied => "the unmap has taken effect, and nobody has been told",
        SimulatedOperation.EventRead => "the event is read, and not yet handled",
        _ => "the event is handled",
    };

    /// <summary>Whether a word that is changed or read stands for a device's bytes, which a unit or a copy is about to use.</summary>
    /// <param name="subject">The subject of a point of kind Atomic.</param>
    /// <returns>True if so.</returns>
    private static bool IsDeviceMemory(string subject) => subject.StartsWith("memory of ", StringComparison.Ordinal);

    /// <summary>An object that is no lock, with an article where it is a type.</summary>
    /// <param name="subject">Its name.</param>
    /// <returns>The name.</returns>
    private static string Named(string subject) => subject switch
    {
        "" => "something",
        "MmuNotifierRegistry" or "MmuIntervalNotifier" => "the running event to end",
        "PageMigration" => "a running migration to end",
        _ when subject.StartsWith("unit ", StringComparison.Ordinal) => $"{subject} to end its access",
        _ => subject,
    };
}
