// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Conformance.Races;

/// <summary>Counts the events of an address space, so that a test can wait for the end of one that it has caused: on real memory the cause returns before that.</summary>
public sealed class EventWatch : IMmuIntervalClient
{
    private readonly long[] _counts = new long[Enum.GetValues<MmuEventKind>().Length]; // Interlocked; by kind.
    private readonly HostAddressSpace _host;
    private readonly MmuIntervalNotifier _notifier;

    /// <summary>Begins to watch.</summary>
    /// <param name="host">The address space.</param>
    public EventWatch(HostAddressSpace host)
    {
        _host = host;
        _notifier = new MmuIntervalNotifier(new AddressRange(default, new VirtualAddress(1UL << 47)), this);
        host.Subscribe(_notifier);
    }

    /// <summary>Does something that causes an event, and waits for the event's end.</summary>
    /// <param name="kind">Which kind of event.</param>
    /// <param name="cause">What causes it.</param>
    public void WaitFor(MmuEventKind kind, Action cause)
    {
        long before = Interlocked.Read(ref _counts[(int)kind]);
        cause();
        Interleaving.Until(() => Interlocked.Read(ref _counts[(int)kind]) > before);
        _ = _host.ReadBegin(_notifier);
    }

    /// <inheritdoc/>
    public bool InvalidateStart(MmuIntervalNotifier notifier, in MmuEvent mmuEvent, long sequence)
    {
        notifier.SetSequence(sequence);
        Interlocked.Increment(ref _counts[(int)mmuEvent.Kind]);
        return true;
    }

    /// <inheritdoc/>
    public void InvalidateFinish(MmuIntervalNotifier notifier, in MmuEvent mmuEvent)
    {
    }
}
