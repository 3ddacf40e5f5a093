// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Tests;

/// <summary>Algorithms that need one memory for all: pointers that mean the same everywhere, bytes side by side, structures that all change at once, flags seen while everything runs.</summary>
public sealed unsafe class SharedAlgorithmTests
{
    private const int PageBytes = 4096;
    private const int Nodes = 32;
    private const int NodeBytes = 16; // The next node's address, and a value.
    private const int NodeStep = 1040; // From node to node, so that a list crosses pages.

    [Fact]
    public void AListByAnyOfThemIsReadByAnyOther()
    {
        using SharedMemory memory = TwoDevices.Open(MemoryKind.Real);
        const int Bytes = Nodes * NodeStep;
        byte* buffer = (byte*)NativeMemory.Alloc(Bytes); // SAFETY: freed below, after it was detached.
        using (memory.Attach((nint)buffer, Bytes))
            EveryPair(memory, (nint)buffer, whoCreates: [-1, 0, 1], whoVerifies: [-1, 0, 1]);
        NativeMemory.Free(buffer);
        memory.CheckInvariants();
    }

    [Fact]
    public void OnPortableMemoryToo()
    {
        using SharedMemory memory = TwoDevices.Open(MemoryKind.Portable);
        using SharedArray<byte> buffer = memory.Allocate<byte>(Nodes * NodeStep);
        EveryPair(memory, buffer.Address, whoCreates: [-1, 0, 1], whoVerifies: [-1, 0, 1]);
    }

    [Theory]
    [InlineData(MemoryKind.Real)]
    [InlineData(MemoryKind.Portable)]
    public void BytesSideBySideAreWrittenByAllAtOnce(MemoryKind kind)
    {
        const int Bytes = (2 * PageBytes) + 777;
        using SharedMemory memory = TwoDevices.Open(kind);
        using SharedArray<byte> array = memory.Allocate<byte>(Bytes);
        nint at = array.Address;
        var crew = new Crew(memory, groups: 2, threads: 2);
        for (byte round = 1; round <= 3; round++)
        {
            byte add = round;
            crew.Run((participant, number, count) =>
            {
                for (int i = number; i < Bytes; i += count)
                    participant.Store(at + i, (byte)(participant.Load<byte>(at + i) + add + number));
            });
        }

        for (int i = 0; i < Bytes; i++)
            Assert.Equal((byte)(6 + (3 * (i % crew.Count))), array[i]);
        memory.CheckInvariants();
    }

    [Theory]
    [InlineData(MemoryKind.Real)]
    [InlineData(MemoryKind.Portable)]
    public void AllInsertIntoOneHashTable(MemoryKind kind)
    {
        const int Bins = 60;
        const int Each = 100;
        using SharedMemory memory = TwoDevices.Open(kind);
        var crew = new Crew(memory, groups: 2, threads: 2);
        using SharedArray<long> bins = memory.Allocate<long>(Bins);
        using SharedArray<byte> nodes = memory.Allocate<byte>(crew.Count * Each * NodeBytes);
        (nint table, nint pool) = (bins.Address, nodes.Address);
        crew.Run((participant, number, count) =>
        {
            for (int i = 0; i < Each; i++)
            {
                long value = (number * Each) + i;
                nint node = pool + ((nint)value * NodeBytes);
                nint bin = table + ((nint)(value * 7 % Bins) * sizeof(long));
                participant.Store(node + sizeof(long), value);
                long head = participant.Load<long>(bin);
                while (true)
                {
                    participant.Store(node, head); // Before it can be found.
                    long found = participant.CompareExchange(bin, node, head);
                    if (found == head)
                        break;
                    head = found;
                }
            }
        });

        var values = new HashSet<long>();
        for (int bin = 0; bin < Bins; bin++)
        {
            for (nint node = (nint)bins[bin]; node != 0; node = (nint)(*(long*)node)) // SAFETY: nodes lie in the array.
            {
                long value = *(long*)(node + sizeof(long)); // SAFETY: as above.
                Assert.Equal(bin, value * 7 % Bins);
                Assert.True(values.Add(value), $"{value} is there twice");
            }
        }

        Assert.Equal(crew.Count * Each, values.Count);
        memory.CheckInvariants();
    }

    [Fact]
    public void FlagsAreFoundWhileEverythingRuns()
    {
        const int Rounds = 60;
        using SharedMemory memory = TwoDevices.Open(MemoryKind.Real);
        using SharedArray<long> flags = memory.Allocate<long>(3 * (PageBytes / sizeof(long)));
        nint at = flags.Address;
        var crew = new Crew(memory, groups: 1, threads: 1); // Devices 0 and 1, and the CPU, in a ring.
        crew.Run((participant, number, count) =>
        {
            nint mine = at + (number * PageBytes);
            nint before = at + ((number + count - 1) % count * PageBytes);
            for (long round = 1; round <= Rounds; round++)
            {
                long wanted = number == 0 ? round - 1 : round; // The first begins each round.
                long deadline = Environment.TickCount64 + 60_000;
                while (participant.Load<long>(before) < wanted)
                {
                    if (Environment.TickCount64 > deadline)
                        throw new TimeoutException($"participant {number} never saw round {wanted}");
                    Thread.Yield();
                }

                participant.Store(mine, round);
            }
        });
        for (int number = 0; number < 3; number++)
            Assert.Equal(Rounds, flags[number * (PageBytes / sizeof(long))]);
        memory.CheckInvariants();
    }

    [Theory]
    [InlineData(MemoryKind.Real)]
    [InlineData(MemoryKind.Portable)]
    public void OddPiecesMoveWhileTheirNeighboursAreWritten(MemoryKind kind)
    {
        const int Bytes = (5 * PageBytes) + 123;
        using SharedMemory memory = TwoDevices.Open(kind, chunkBytes: 65536);
        using SharedArray<byte> array = memory.Allocate<byte>(Bytes);
        nint at = array.Address;
        byte[] expected = new byte[Bytes];
        byte round = 0;
        foreach ((int start, int length) in ((int, int)[])[(1, 1), (4095, 2), (17, 4097), (4096, 1), (3, Bytes - 5), (8191, 8195), (Bytes - 1, 1), (0, Bytes)])
        {
            for (int device = 0; device < 2; device++)
            {
                byte value = ++round;
                memory.Prefetch(array, start, length, MemoryLocations.OfDevice(device));
                using KernelQueue queue = memory.CreateQueue(device);
                using Launch launch = queue.Launch(context =>
                {
                    for (int i = start; i < start + length; i += 97)
                        context.Store(at + i, value);
                }, 1);
                if (kind == MemoryKind.Portable)
                    launch.Wait();
                for (int i = start + 1; i < start + length; i += 97)
                    array[i] = (byte)(value + 100); // Just behind the kernel's bytes.
                if (start > 0)
                    array[start - 1] = value;
                launch.Wait();
                memory.Prefetch(array, start, length, MemoryLocation.System);
                for (int i = start; i < start + length; i += 97)
                    expected[i] = value;
                for (int i = start + 1; i < start + length; i += 97)
                    expected[i] = (byte)(value + 100);
                if (start > 0)
                    expected[start - 1] = value;
                Assert.Equal(expected, array.Span.ToArray());
            }
        }

        memory.CheckInvariants();
    }

    /// <summary>Lists by every creator, verified by every verifier, who also changes them; -1 is the CPU, other numbers are devices.</summary>
    private static void EveryPair(SharedMemory memory, nint buffer, int[] whoCreates, int[] whoVerifies)
    {
        using SharedArray<long> sum = memory.Allocate<long>(1);
        int seed = 0;
        foreach (int creator in whoCreates)
        {
            foreach (int verifier in whoVerifies)
            {
                int first = ++seed * 1000;
                Do(memory, creator, participant => Create(participant, buffer, first));
                nint result = sum.Address;
                Do(memory, verifier, participant => participant.Store(result, SumAndRaise(participant, buffer)));
                Assert.Equal((Nodes * (long)first) + (Nodes * (Nodes - 1) / 2), sum[0]);
                Do(memory, creator, participant => participant.Store(result, SumAndRaise(participant, buffer)));
                Assert.Equal((Nodes * (long)(first + 1)) + (Nodes * (Nodes - 1) / 2), sum[0]);
            }
        }
    }

    /// <summary>Lets one of them work.</summary>
    private static void Do(SharedMemory memory, int who, SoloWork work)
    {
        if (who < 0)
        {
            work(new Participant());
            return;
        }

        using KernelQueue queue = memory.CreateQueue(who);
        using Launch launch = queue.Launch(context => work(new Participant(context)), 1);
        Assert.True(launch.Wait(TimeSpan.FromSeconds(60)));
    }

    /// <summary>Makes a list of which the nodes lie in no order.</summary>
    private static void Create(Participant participant, nint buffer, int first)
    {
        for (int i = 0; i < Nodes; i++)
        {
            participant.Store(NodeAt(buffer, i), i + 1 < Nodes ? (long)NodeAt(buffer, i + 1) : 0);
            participant.Store(NodeAt(buffer, i) + sizeof(long), (long)first + i);
        }
    }

    /// <summary>Adds up a list's values and raises each by one.</summary>
    private static long SumAndRaise(Participant participant, nint buffer)
    {
        long sum = 0;
        for (nint node = NodeAt(buffer, 0); node != 0; node = (nint)participant.Load<long>(node))
        {
            long value = participant.Load<long>(node + sizeof(long));
            sum += value;
            participant.Store(node + sizeof(long), value + 1);
        }

        return sum;
    }

    /// <summary>Where a node lies.</summary>
    private static nint NodeAt(nint buffer, int index) => buffer + (index * 13 % Nodes * NodeStep);

    private delegate void SoloWork(Participant participant);
}
