// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Core.Tests;

/// <summary>The ring of events: order, bounds, what is dropped and counted, many threads.</summary>
public sealed class SvmEventStreamTests
{
    [Fact]
    public void AFullStreamKeepsTheOldestInOrderAndCountsWhatItDroppedByKind()
    {
        var events = new SvmEvents();
        Assert.False(events.IsOn);
        events.Record(Numbered(SvmEventKind.Migration, 99)); // Nobody listens.
        SvmEventStream stream = events.Open(5);
        Assert.True(events.IsOn);
        Assert.Equal(8, stream.Capacity);
        for (ulong i = 0; i < 11; i++)
            events.Record(Numbered(i < 9 ? SvmEventKind.GpuFault : SvmEventKind.Eviction, i));
        Assert.Equal((3L, 1L, 2L, 0L), (stream.Dropped(), stream.Dropped(SvmEventKind.GpuFault), stream.Dropped(SvmEventKind.Eviction), stream.Dropped(SvmEventKind.Migration)));
        var read = new SvmEvent[20];
        Assert.Equal(3, stream.Read(read.AsSpan(0, 3)));
        events.Record(Numbered(SvmEventKind.CpuFault, 11)); // There is room again.
        Assert.Equal(6, stream.Read(read.AsSpan(3)));
        Assert.Equal([0UL, 1, 2, 3, 4, 5, 6, 7, 11], read.Take(9).Select(one => one.Address.Value));
        Assert.Equal(0, stream.Read(read));
        Assert.All(read.Take(9), one => Assert.True(one.Timestamp > 0));
    }

    [Fact]
    public void EveryStreamGetsEveryEventAndAClosedOneNoMore()
    {
        var events = new SvmEvents();
        SvmEventStream one = events.Open(4);
        SvmEventStream other = events.Open(4);
        events.Record(Numbered(SvmEventKind.Prefetch, 1));
        events.Close(one);
        events.Close(one);
        events.Record(Numbered(SvmEventKind.Prefetch, 2));
        Assert.True(events.IsOn);
        events.Close(other);
        Assert.False(events.IsOn);
        var read = new SvmEvent[4];
        Assert.Equal((1, 2), (one.Read(read), other.Read(read)));
        Assert.Throws<ArgumentOutOfRangeException>(() => events.Open(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => events.Open(SvmEvents.MaxCapacity + 1));
    }

    /// <summary>Four recorders, two readers, a small ring: each event is read once or counted as dropped, whole, and those of one recorder in order.</summary>
    [Fact]
    public void UnderManyThreadsEveryEventIsReadOnceOrCounted()
    {
        const int Recorders = 4;
        const int Each = 200_000;
        var events = new SvmEvents();
        SvmEventStream stream = events.Open(64);
        int running = Recorders;
        long allocated = 0;
        var seen = new List<SvmEvent>[2];
        var threads = new List<Thread>();
        for (int i = 0; i < Recorders; i++)
        {
            ulong mine = (ulong)i;
            threads.Add(new Thread(() =>
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                for (ulong n = 1; n <= Each; n++)
                    events.Record(new SvmEvent(SvmEventKind.GpuFault, new VirtualAddress((mine << 32) | n), (long)(n * 3)) { Culprit = new VirtualAddress(n ^ mine) });
                Interlocked.Add(ref allocated, GC.GetAllocatedBytesForCurrentThread() - before);
                Interlocked.Decrement(ref running);
            }));
        }

        for (int i = 0; i < seen.Length; i++)
        {
            List<SvmEvent> mine = seen[i] = [];
            threads.Add(new Thread(() =>
            {
                var batch = new SvmEvent[16];
                while (true)
                {
                    bool isLast = Volatile.Read(ref running) == 0;
                    int count = stream.Read(batch);
                    mine.AddRange(batch.AsSpan(0, count));
                    if (isLast && count == 0)
                        return;
                }
            }));
        }

        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        Assert.Equal((long)Recorders * Each, seen.Sum(list => (long)list.Count) + stream.Dropped());
        Assert.Equal(0, allocated);
        foreach (List<SvmEvent> list in seen)
        {
            ulong[] last = new ulong[Recorders];
            foreach (SvmEvent one in list)
            {
                ulong recorder = one.Address.Value >> 32;
                ulong n = one.Address.Value & uint.MaxValue;
                Assert.True(n > last[recorder], "an event came twice, or before one that was recorded before it");
                last[recorder] = n;
                if (one.Bytes != (long)n * 3 || one.Culprit.Value != (n ^ recorder))
                    Assert.Fail($"a torn event: {one}");
            }
        }
    }

    /// <summary>An event that carries a number.</summary>
    private static SvmEvent Numbered(SvmEventKind kind, ulong number) => new(kind, new VirtualAddress(number), 1);
}
