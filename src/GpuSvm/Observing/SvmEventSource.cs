// SPDX-License-Identifier: MIT
using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Tracing;

namespace GpuSvm.Observing;

/// <summary>
/// The event source "GpuSvm": what `dotnet-trace collect --providers GpuSvm` records, beside the runtime's own events of the same time. docs/observing.md lists its events.
/// While nobody listens nothing is written, and the library records nothing for it.
/// </summary>
/// <remarks>Numbers are 64 bits wide, enumerations are written by name. Times are nanoseconds of the monotonic clock; an event is written some milliseconds after it happened.</remarks>
[EventSource(Name = "GpuSvm")]
internal sealed class SvmEventSource : EventSource
{
    /// <summary>The one source; null while it is being made.</summary>
    public static readonly SvmEventSource? Log = new();

    /// <summary>A launch was started.</summary>
    /// <param name="memory">The memory's number in the process.</param>
    /// <param name="groups">How many groups.</param>
    [Event(1, ActivityOptions = EventActivityOptions.Disable, Message = "Memory {0}: a launch of {1} groups")]
    public void LaunchStart(long memory, long groups) => Write(1, [memory, groups]);

    /// <summary>Somebody has seen a launch's end.</summary>
    /// <param name="status">How it ended.</param>
    /// <param name="memory">As above.</param>
    /// <param name="groups">As above.</param>
    /// <param name="nanoseconds">How long it took.</param>
    [Event(2, ActivityOptions = EventActivityOptions.Disable, Message = "Memory {1}: a launch of {2} groups ended: {0}, {3} ns")]
    public void LaunchStop(string status, long memory, long groups, long nanoseconds) => Write(2, [memory, groups, nanoseconds], status);

    /// <summary>A fault was handled, refused or replayed.</summary>
    /// <param name="kind">A <see cref="SvmEventKind"/>.</param>
    /// <param name="status">What came of it.</param>
    /// <param name="memory">As above.</param>
    /// <param name="address">The address touched.</param>
    /// <param name="device">Who touched: a device's number, -1 for the CPU.</param>
    /// <param name="access">A <see cref="KernelAccess"/>.</param>
    /// <param name="nanoseconds">How long it took.</param>
    /// <param name="timestamp">When it ended.</param>
    [Event(3, Message = "Memory {2}: {0} at {3}: {1}, {6} ns")]
    public void Fault(string kind, string status, long memory, long address, long device, long access, long nanoseconds, long timestamp)
        => Write(3, [memory, address, device, access, nanoseconds, timestamp], kind, status);

    /// <summary>Pages have moved.</summary>
    /// <param name="cause">A <see cref="MigrationCause"/>.</param>
    /// <param name="status">What came of it.</param>
    /// <param name="memory">As above.</param>
    /// <param name="address">The first address.</param>
    /// <param name="bytes">How much.</param>
    /// <param name="from">A device's number, -1 for RAM, -2 for none.</param>
    /// <param name="to">As from.</param>
    /// <param name="nanoseconds">How long it took.</param>
    /// <param name="timestamp">When it ended.</param>
    [Event(4, Message = "Memory {2}: {4} bytes at {3} moved from {5} to {6} ({0})")]
    public void Migration(string cause, string status, long memory, long address, long bytes, long from, long to, long nanoseconds, long timestamp)
        => Write(4, [memory, address, bytes, from, to, nanoseconds, timestamp], cause, status);

    /// <summary>Anything else that events tell of.</summary>
    /// <param name="kind">A <see cref="SvmEventKind"/>.</param>
    /// <param name="cause">A <see cref="MigrationCause"/>; of an invalidation a <see cref="MemoryChange"/>.</param>
    /// <param name="memory">As above.</param>
    /// <param name="address">The first address.</param>
    /// <param name="bytes">How much.</param>
    /// <param name="from">As above.</param>
    /// <param name="to">As above.</param>
    /// <param name="culprit">Of an eviction: who needed the room.</param>
    /// <param name="nanoseconds">How long it took; 0 where that is not measured.</param>
    /// <param name="timestamp">When it ended.</param>
    [Event(5, Message = "Memory {2}: {0} of {4} bytes at {3} ({1})")]
    public void Other(string kind, string cause, long memory, long address, long bytes, long from, long to, long culprit, long nanoseconds, long timestamp)
        => Write(5, [memory, address, bytes, from, to, culprit, nanoseconds, timestamp], kind, cause);

    /// <summary>Events came faster than they could be written.</summary>
    /// <param name="memory">As above.</param>
    /// <param name="events">How many were dropped since this was last said.</param>
    [Event(6, Level = EventLevel.Warning, Message = "Memory {0}: {1} events were dropped")]
    public void Dropped(long memory, long events) => Write(6, [memory, events]);

    /// <summary>Writes what a memory tells of, in the event that fits it.</summary>
    /// <param name="memory">The memory's number.</param>
    /// <param name="one">What happened.</param>
    [NonEvent]
    public void Pass(int memory, in SvmEvent one)
    {
        long timestamp = one.Timestamp.Ticks * 100;
        switch (one.Kind)
        {
            case SvmEventKind.CpuFault or SvmEventKind.GpuFault or SvmEventKind.FatalFault or SvmEventKind.FaultReplay:
                Fault(one.Kind.ToString(), one.Status.ToString(), memory, one.Address, one.To, (long)one.Access, one.Nanoseconds, timestamp);
                break;
            case SvmEventKind.Migration:
                Migration(one.Cause.ToString(), one.Status.ToString(), memory, one.Address, one.Bytes, one.From, one.To, one.Nanoseconds, timestamp);
                break;
            default:
                string cause = one.Kind == SvmEventKind.Invalidation ? one.Change.ToString() : one.Cause.ToString();
                Other(one.Kind.ToString(), cause, memory, one.Address, one.Bytes, one.From, one.To, one.Culprit, one.Nanoseconds, timestamp);
                break;
        }
    }

    /// <inheritdoc/>
    protected override void OnEventCommand(EventCommandEventArgs command)
    {
        if (command.Command == EventCommand.Enable)
            EventPump.Wake();
    }

    /// <summary>Writes an event without boxing its numbers.</summary>
    /// <param name="number">The event's number.</param>
    /// <param name="values">Its numbers, which follow the words.</param>
    /// <param name="first">Its first word, or null if it has none.</param>
    /// <param name="second">Its second word, or null.</param>
    [NonEvent]
    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "Words and numbers have no properties that could be trimmed.")]
    private unsafe void Write(int number, ReadOnlySpan<long> values, string? first = null, string? second = null)
    {
        EventData* data = stackalloc EventData[values.Length + 2];
        int count = 0;
        // SAFETY: words and numbers stay pinned during the call, which copies them; a word's terminator is part of it.
        fixed (char* firstText = first, secondText = second)
        fixed (long* start = values)
        {
            if (first != null)
                data[count++] = new EventData { DataPointer = (nint)firstText, Size = (first.Length + 1) * sizeof(char) };
            if (second != null)
                data[count++] = new EventData { DataPointer = (nint)secondText, Size = (second.Length + 1) * sizeof(char) };
            for (int i = 0; i < values.Length; i++)
                data[count++] = new EventData { DataPointer = (nint)(start + i), Size = sizeof(long) };
            WriteEventCore(number, count, data);
        }
    }
}
