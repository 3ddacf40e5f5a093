// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Linux.Interop;

namespace GpuSvm.Linux;

/// <summary>
/// Reads messages from the heap's descriptor, inside the client's event gate, and applies events before anything else is done.
/// </summary>
/// <remarks>
/// Whoever unmaps or discards sleeps until its event is read, not until it is handled. Read first and lock then, and for a moment the program is
/// ahead of us: it uses the interval anew while we still hold the old pages for it, and a late event kills the new ones. So the gate is closed
/// before the read, and what was read is applied before it opens. A descriptor without events needs no gate.
/// </remarks>
internal sealed unsafe class MessageReader
{
    private readonly Userfaultfd _userfault;
    private readonly KnownMemory _known;
    private readonly IHostMemoryClient _client;
    private readonly bool _events;
    private long _unmapped;
    private long _discarded;
    private long _moved;

    /// <summary>A reader.</summary>
    /// <param name="userfault">The heap's descriptor, not owned; its reads do not wait.</param>
    /// <param name="known">Hears of what was unmapped or moved before the client does.</param>
    /// <param name="client">Who is told.</param>
    /// <param name="events">Whether the descriptor reports events.</param>
    internal MessageReader(Userfaultfd userfault, KnownMemory known, IHostMemoryClient client, bool events)
    {
        _userfault = userfault;
        _known = known;
        _client = client;
        _events = events;
    }

    /// <summary>UNMAP events so far.</summary>
    internal long UnmappedEvents => Interlocked.Read(ref _unmapped); // Pairs with Apply.

    /// <summary>REMOVE events so far.</summary>
    internal long DiscardedEvents => Interlocked.Read(ref _discarded); // Pairs with Apply.

    /// <summary>REMAP events so far.</summary>
    internal long MovedEvents => Interlocked.Read(ref _moved); // Pairs with Apply.

    /// <summary>Reads what is there; never waits for a message.</summary>
    /// <param name="messages">Where to; afterwards the page faults stand at the front. SAFETY: private memory of the caller.</param>
    /// <param name="capacity">How many fit.</param>
    /// <param name="faults">How many page faults.</param>
    /// <returns>How many messages were read; 0 if there was none. Locking: passes the client's event gate.</returns>
    internal int Read(UffdMsg* messages, int capacity, out int faults)
    {
        if (!_events)
            return faults = ReadMessages(messages, capacity);
        int count = 0;
        _client.EnterEventGate();
        try
        {
            count = ReadMessages(messages, capacity);
            faults = Apply(messages, count);
        }
        finally
        {
            _client.LeaveEventGate();
        }

        return count;
    }

    /// <summary>One read of the descriptor.</summary>
    /// <param name="messages">Where to.</param>
    /// <param name="capacity">How many fit.</param>
    /// <returns>How many came.</returns>
    private int ReadMessages(UffdMsg* messages, int capacity)
    {
        // SAFETY: the buffer holds capacity messages of 32 bytes.
        nint bytes = Libc.read(_userfault.Descriptor, messages, (nuint)(capacity * sizeof(UffdMsg)));
        return bytes <= 0 ? 0 : (int)(bytes / sizeof(UffdMsg));
    }

    /// <summary>Tells the client of the events and packs the page faults together.</summary>
    /// <param name="messages">What was read.</param>
    /// <param name="count">How many.</param>
    /// <returns>How many page faults.</returns>
    private int Apply(UffdMsg* messages, int count)
    {
        int faults = 0;
        for (int i = 0; i < count; i++)
        {
            UffdMsg message = messages[i];
            if (message.Event == UserfaultConstants.UFFD_EVENT_PAGEFAULT)
            {
                messages[faults++] = message;
                continue;
            }

            if (message.Event == UserfaultConstants.UFFD_EVENT_REMAP)
            {
                // The move has happened. An UNMAP of the old place follows, unless it stays mapped, and finds nothing of ours there.
                Interlocked.Increment(ref _moved);
                var from = AddressRange.OfBytes(new VirtualAddress(message.MovedFrom), (long)message.MovedBytes);
                var to = AddressRange.OfBytes(new VirtualAddress(message.MovedTo), (long)message.MovedBytes);
                _known.Moved(from, to);
                _client.Remapped(from, to);
                continue;
            }

            var interval = new AddressRange(new VirtualAddress(message.RangeStart), new VirtualAddress(message.RangeEnd));
            if (message.Event == UserfaultConstants.UFFD_EVENT_UNMAP)
            {
                Interlocked.Increment(ref _unmapped);
                _known.Forget(interval);
                _client.Unmapped(interval);
            }
            else if (message.Event == UserfaultConstants.UFFD_EVENT_REMOVE)
            {
                Interlocked.Increment(ref _discarded);
                _client.Discarded(interval);
            }
        }

        return faults;
    }
}
