// SPDX-License-Identifier: MIT
using System.Runtime;
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Core.Host;
using GpuSvm.Linux;

namespace GpuSvm.Native;

/// <summary>Gets memories ready for each fork of the process, so that a child has every byte: docs/adr/0021.</summary>
/// <remarks>
/// Both handlers run on the forking thread. Between them nothing is held but counts: the program's own handlers, which may run in between, may wait for threads that wait for this library.
/// <para>A thread of the child runs handlers and functions of the library too, if only to be told that it is a child. It would hang on its way in if a collection of the parent's had been under way at the
/// fork, since nobody ends it there; so collections are held off for that moment.</para>
/// <para>Locking: <see cref="_gate"/> guards the fields, and is held while memories get ready, so that none of them is closed meanwhile. Nobody waits for it who is needed for that.</para>
/// </remarks>
internal static unsafe class ForkFollower
{
    private const long QuietBytes = 64 << 10; // What all threads may allocate during a fork, by far enough: serving faults allocates nothing.

    private static readonly Lock _gate = new();
    private static readonly List<Session> _sessions = []; // Guarded by _gate.
    private static int _quiet; // Forks that hold off collections. Guarded by _gate.
    private static bool? _isRegistered; // Null before the first memory. Guarded by _gate.

    [ThreadStatic]
    private static List<HostAddressSpace>? _begun; // What this thread's fork has to end. Null before its first fork.

    [ThreadStatic]
    private static bool _isQuiet; // Whether this thread's fork holds off collections.

    /// <summary>Follows forks for a session from now on.</summary>
    /// <param name="session">The session; <see cref="Remove"/> before any part of it ends.</param>
    /// <returns>False if forks cannot be heard of here: then no child gets the memory.</returns>
    public static bool Add(Session session)
    {
        lock (_gate)
        {
            _isRegistered ??= ForkHandlers.TryRegister(&Prepare, &EndInParent);
            if (_isRegistered == true)
                _sessions.Add(session);
            return _isRegistered == true;
        }
    }

    /// <summary>Ends that; afterwards no fork begins to use the session.</summary>
    /// <param name="session">A session; nothing happens if it is not followed.</param>
    public static void Remove(Session session)
    {
        lock (_gate)
            _sessions.Remove(session);
    }

    /// <summary>Before a fork: brings every page home and holds off collections.</summary>
    [UnmanagedCallersOnly]
    private static void Prepare()
    {
        if (ForkMark.IsInChild)
            return;
        SvmStatus failed = SvmStatus.Done;
        try
        {
            lock (_gate)
            {
                if (_sessions.Count == 0)
                    return;
                _begun ??= [];
                foreach (Session session in _sessions)
                {
                    SvmStatus status = session.BeginFork(_begun);
                    failed = status == SvmStatus.Done ? failed : status;
                }

                _isQuiet = true;
                if (_quiet++ == 0)
                    HoldOffCollections();
            }
        }
        catch (Exception exception)
        {
            Log.Write(LogLevel.Error, $"A fork could not be followed, so the child has no shared memory: {exception.Message}");
            return;
        }

        if (failed != SvmStatus.Done)
            Log.Write(LogLevel.Warning, $"A fork could not be followed, so the child has no shared memory: {failed.Describe()}.");
    }

    /// <summary>After a fork, in the parent: pages may leave again.</summary>
    [UnmanagedCallersOnly]
    private static void EndInParent()
    {
        if (ForkMark.IsInChild)
            return;
        try
        {
            if (_isQuiet)
            {
                _isQuiet = false;
                lock (_gate)
                {
                    if (--_quiet == 0)
                        LetCollect();
                }
            }

            while (_begun is { Count: > 0 } begun)
            {
                HostAddressSpace host = begun[^1];
                begun.RemoveAt(begun.Count - 1);
                host.EndFork();
            }
        }
        catch (Exception exception)
        {
            Log.Write(LogLevel.Error, $"The end of a fork failed in the parent: {exception.Message}");
        }
    }

    /// <summary>Lets no collection begin. A shortage of memory makes one all the same; then a child might hang that calls the library, and only that.</summary>
    private static void HoldOffCollections()
    {
        try
        {
            _ = GC.TryStartNoGCRegion(QuietBytes, disallowFullBlockingGC: true) || GC.TryStartNoGCRegion(QuietBytes);
        }
        catch (InvalidOperationException)
        {
            // The last one ended by itself, and nobody has said so yet: it ends here or there.
        }
    }

    /// <summary>Ends what <see cref="HoldOffCollections"/> began.</summary>
    private static void LetCollect()
    {
        try
        {
            if (GCSettings.LatencyMode == GCLatencyMode.NoGCRegion)
                GC.EndNoGCRegion();
        }
        catch (InvalidOperationException)
        {
            // A collection has ended it already.
        }
    }
}
