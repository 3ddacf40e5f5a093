// SPDX-License-Identifier: MIT
using GpuSvm.Linux;

namespace GpuSvm.Native;

/// <summary>The handle tables of the library, and the sentences for handles that stand for nothing.</summary>
internal static class Handles
{
    /// <summary>For a gpusvm_memory that is none.</summary>
    public const string NoMemory = "The handle is no open shared memory: it was closed, or gpusvm_open never gave it.";

    /// <summary>For a gpusvm_launch that is none.</summary>
    public const string NoLaunch = "The handle is no launch: it was waited for already, its memory was closed, or gpusvm_launch_start never gave it.";

    /// <summary>For a gpusvm_events that is none.</summary>
    public const string NoEvents = "The handle is no stream of events: it was closed, its memory was closed, or gpusvm_events_open never gave it.";

    /// <summary>For a gpusvm_prefetch_operation that is none.</summary>
    public const string NoPrefetch = "The handle is no prefetch: it was ended, its memory was closed, or gpusvm_prefetch_start never gave it.";

    /// <summary>For a gpusvm_queue that is none.</summary>
    public const string NoQueue = "The handle is no queue: it was destroyed, its memory was closed, or gpusvm_queue_create never gave it.";

    /// <summary>For a gpusvm_userptr that is none.</summary>
    public const string NoUserptr = "The handle is no registered memory: it was unregistered, its memory was closed, or gpusvm_userptr_register never gave it.";

    /// <summary>For a gpusvm_mirror that is none.</summary>
    public const string NoMirror = "The handle is no mirror: it was destroyed, its memory was closed, or gpusvm_mirror_create never gave it.";

    /// <summary>For a gpusvm_vm that is none.</summary>
    public const string NoVm = "The handle is no address space: it was destroyed, its memory was closed, or gpusvm_vm_create never gave it.";

    private static readonly Func<bool> _isForeign = static () => ForkMark.IsInChild; // Before the tables, which are made with it.

    /// <summary>Queues that were not destroyed.</summary>
    public static HandleTable<SessionQueue> Queues { get; } = new(_isForeign);

    /// <summary>Memory of the program that devices use in place.</summary>
    public static HandleTable<SessionUserptr> Userptrs { get; } = new(_isForeign);

    /// <summary>Mirror devices that were not destroyed.</summary>
    public static HandleTable<SessionMirror> Mirrors { get; } = new(_isForeign);

    /// <summary>GPU address spaces beside the first that were not destroyed.</summary>
    public static HandleTable<SessionVm> Vms { get; } = new(_isForeign);

    /// <summary>Prefetches in the background that were not ended.</summary>
    public static HandleTable<SessionPrefetch> Prefetches { get; } = new(_isForeign);

    /// <summary>Open streams of events.</summary>
    public static HandleTable<SessionEvents> Events { get; } = new(_isForeign);

    /// <summary>Open memories.</summary>
    public static HandleTable<Session> Memories { get; } = new(_isForeign);

    /// <summary>Launches whose end nobody has been told.</summary>
    public static HandleTable<SessionLaunch> Launches { get; } = new(_isForeign);
}
