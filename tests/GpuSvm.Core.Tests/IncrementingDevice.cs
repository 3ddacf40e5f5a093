// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Core.Tests;

/// <summary>A device that adds to a number in a page which it has for itself: plain loads and stores, so that any other access at the same time would show in the sum.</summary>
internal sealed unsafe class IncrementingDevice : IMmuIntervalClient, IDisposable
{
    private readonly AddressSpaceMachine _machine;
    private readonly AddressRange _page;
    private readonly int _owner;
    private readonly MmuIntervalNotifier _notifier;
    private readonly object _lock = new(); // The notifier lock; an access happens under it, so an event waits for its end.
    private long* _number; // Guarded by _lock; null without a mapping.

    /// <summary>Makes the device.</summary>
    /// <param name="machine">Where the page is.</param>
    /// <param name="page">The page; the number is its first.</param>
    /// <param name="owner">The device's owner.</param>
    public IncrementingDevice(AddressSpaceMachine machine, AddressRange page, int owner)
    {
        _machine = machine;
        _page = page;
        _owner = owner;
        _notifier = new MmuIntervalNotifier(page, this);
        machine.Host.Subscribe(_notifier);
    }

    /// <summary>Adds one, so often.</summary>
    /// <param name="times">How often.</param>
    public void Add(int times)
    {
        for (int done = 0; done < times;)
        {
            long sequence = _machine.Host.ReadBegin(_notifier);
            (SvmStatus status, HmmFrame[] frames) = _machine.Want(_page, HmmRequest.Exclusive, _owner);
            Assert.Equal(SvmStatus.Done, status);
            lock (_lock)
            {
                if (_notifier.ReadRetry(sequence))
                    continue;
                Assert.True(frames[0].IsExclusive);
                _number = (long*)frames[0].Pointer.Value;
            }

            while (done < times)
            {
                lock (_lock)
                {
                    if (_number is null)
                        break;
                    *_number += 1; // SAFETY: the page is the device's until an event takes the pointer away, under this lock.
                    done++;
                }
            }
        }
    }

    /// <summary>Ends the subscription.</summary>
    public void Stop() => _machine.Host.Unsubscribe(_notifier);

    /// <inheritdoc/>
    public bool InvalidateStart(MmuIntervalNotifier notifier, in MmuEvent mmuEvent, long sequence)
    {
        lock (_lock)
        {
            notifier.SetSequence(sequence);
            _number = null;
        }

        return true;
    }

    /// <inheritdoc/>
    public void InvalidateFinish(MmuIntervalNotifier notifier, in MmuEvent mmuEvent)
    {
    }

    /// <inheritdoc/>
    public void Dispose() => _number = null;
}
