// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Policies;

namespace GpuSvm.Lab.Replay;

/// <summary>
/// What the policies of a recorded run decided by the clock, known from its events: whether a touched range stayed in RAM, and how much came home with a touched page. A replay has another clock,
/// so it is told.
/// </summary>
/// <remarks>A recording has the events of a fault before the access that raised it. What is known of an access is forgotten once that has been made.</remarks>
internal sealed class RecordedDecisions
{
    private const int Most = 1024; // Of accesses that several units make at once; in a recording of one unit there is never more than one.

    private readonly List<AddressRange> _remote = []; // Left where they were.
    private readonly List<AddressRange> _home = []; // Came home for a CPU thread.
    private VirtualAddress _touched; // What is being accessed.

    /// <summary>Takes in an event of the recording.</summary>
    /// <param name="one">The event.</param>
    public void Take(in SvmEvent one)
    {
        if (one.Kind == SvmEventKind.MapRemote && one.Status == SvmStatus.Done)
            Add(_remote, one);
        else if (one.Kind == SvmEventKind.Migration && one.Cause == MigrationCause.CpuFault)
            Add(_home, one);
    }

    /// <summary>An access begins.</summary>
    /// <param name="page">The page.</param>
    public void Begin(ulong page) => _touched = VirtualAddress.OfPage(page);

    /// <summary>It is over.</summary>
    public void End()
    {
        _remote.RemoveAll(interval => interval.Contains(_touched));
        _home.RemoveAll(interval => interval.Start.Block(PageOrder.Huge).Contains(_touched));
    }

    /// <summary>The thrash policy of the replay.</summary>
    /// <param name="recorded">The run's own: its window.</param>
    /// <returns>A policy that does what was done.</returns>
    public IThrashPolicy Thrash(IThrashPolicy recorded) => new ThrashAsRecorded(this, recorded.Window);

    /// <summary>The return policy of the replay.</summary>
    /// <returns>A policy that does what was done.</returns>
    public IReturnPolicy Return() => new ReturnAsRecorded(this);

    /// <summary>Remembers an interval.</summary>
    /// <param name="list">Where.</param>
    /// <param name="one">The event that has it.</param>
    private static void Add(List<AddressRange> list, in SvmEvent one)
    {
        if (list.Count == Most)
            list.RemoveAt(0);
        list.Add(AddressRange.OfBytes(one.Address, one.Bytes));
    }

    /// <summary>Leaves in RAM what stayed there.</summary>
    /// <param name="decisions">What is known.</param>
    /// <param name="window">The recorded policy's.</param>
    private sealed class ThrashAsRecorded(RecordedDecisions decisions, TimeSpan window) : IThrashPolicy
    {
        /// <inheritdoc/>
        public TimeSpan Window => window;

        /// <inheritdoc/>
        public ThrashAnswer Answer(in ThrashFacts facts) =>
            decisions._remote.Exists(interval => interval.Contains(decisions._touched)) ? ThrashAnswer.MapRemotely : ThrashAnswer.Move;
    }

    /// <summary>Brings home what came home.</summary>
    /// <param name="decisions">What is known.</param>
    private sealed class ReturnAsRecorded(RecordedDecisions decisions) : IReturnPolicy
    {
        /// <inheritdoc/>
        public bool BringsWholeAllocation(in ReturnFacts facts)
        {
            long bytes = 0;
            foreach (AddressRange interval in decisions._home)
                bytes += interval.Start.Block(PageOrder.Huge).Contains(decisions._touched) ? interval.Bytes : 0;
            return bytes != PageSize.Bytes;
        }
    }
}
