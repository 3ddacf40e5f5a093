// SPDX-License-Identifier: MIT
namespace GpuSvm.Tests;

/// <summary>Every atomic operation by all units of two devices and by CPU threads at once on the same few integers: the results are those of the formulas, whatever the order was.</summary>
public sealed class SystemAtomicTests
{
    private const int Rounds = 60;     // Of each participant.
    private const int CountUpTo = 17;
    private const int CountDownFrom = 137;
    private const int Mask = 0xFF;     // What `and` begins with.
    private const int Nobody = -1;
    private const int Counters = 10;   // One for each operation, as many bytes apart as Stride.
    private const int Stride = 192;

    [Theory]
    [InlineData(MemoryKind.Real, 4)]
    [InlineData(MemoryKind.Real, 8)]
    [InlineData(MemoryKind.Portable, 4)]
    [InlineData(MemoryKind.Portable, 8)]
    public void ResultsAreThoseOfTheFormulas(MemoryKind kind, int bytes)
    {
        using SharedMemory memory = TwoDevices.Open(kind);
        using SharedArray<byte> array = memory.Allocate<byte>(Counters * Stride);
        nint at = array.Address;
        long[] begin = [0, 0, 0, long.MaxValue >> (64 - (8 * bytes)), 0, 0, Mask, 0, 0, Nobody];
        long Read(int counter) => bytes == 8 ? BitConverter.ToInt64(array.Slice(counter * Stride, 8)) : BitConverter.ToInt32(array.Slice(counter * Stride, 4));
        for (int counter = 0; counter < Counters; counter++)
            BitConverter.GetBytes(begin[counter])[..bytes].CopyTo(array.Slice(counter * Stride, bytes));

        var crew = new Crew(memory, groups: 3, threads: 2);
        int total = crew.Count * Rounds;
        crew.Run((participant, number, count) =>
        {
            for (int round = 0; round < Rounds; round++)
            {
                int id = (number * Rounds) + round;
                Do(participant, at, bytes, id);
            }
        });

        Assert.Equal(10L * total, Read(0));
        Assert.InRange(Read(1), 0, total - 1);                                        // exchange: one of them
        Assert.Equal(total - 1, Read(2));                                             // max
        Assert.Equal(0, Read(3));                                                     // min
        Assert.Equal(Repeat(AtomicOperation.Increment, CountUpTo, total), Read(4));
        Assert.Equal(Repeat(AtomicOperation.Decrement, CountDownFrom, total), Read(5));
        Assert.Equal(Enumerable.Range(0, total).Aggregate(Mask, (x, id) => x & ((2 * id) + 7)), Read(6));
        Assert.Equal(Enumerable.Range(0, total).Aggregate(0, (x, id) => x | (1 << (id % 20))), Read(7));
        Assert.Equal(Enumerable.Range(0, total).Aggregate(0, (x, id) => x ^ id), Read(8));
        Assert.Equal(total + Nobody, Read(9));                                        // compare-exchange: each in turn
        memory.CheckInvariants();
    }

    [Theory]
    [InlineData(MemoryKind.Real)]
    [InlineData(MemoryKind.Portable)]
    public void SignsAreThoseOfTheType(MemoryKind kind)
    {
        using SharedMemory memory = TwoDevices.Open(kind);
        using SharedArray<ulong> wide = memory.Allocate<ulong>(4);
        using SharedArray<uint> narrow = memory.Allocate<uint>(4);
        using SharedArray<int> signed = memory.Allocate<int>(4);
        (wide[0], wide[1], narrow[0], narrow[1], signed[0], signed[1]) = (5, 5, 5, 5, 5, 5);
        memory.Run(1, context =>
        {
            if (context.Atomic(wide, 0, AtomicOperation.Max, ulong.MaxValue) != 5 || context.Atomic(narrow, 0, AtomicOperation.Max, uint.MaxValue) != 5 || context.Atomic(signed, 0, AtomicOperation.Max, -1) != 5)
                context.Fail("the value before is another");
            context.Atomic(wide, 1, AtomicOperation.Min, ulong.MaxValue);
            context.Atomic(narrow, 1, AtomicOperation.Min, uint.MaxValue);
            context.Atomic(signed, 1, AtomicOperation.Min, -1);
            context.Atomic(narrow, 2, AtomicOperation.Decrement, uint.MaxValue);
            if (context.Atomic(signed, 1, AtomicOperation.Add, 1) != -1 || context.AtomicCompareExchange(narrow, 3, 9u, 1u) != 0)
                context.Fail("the value before is another");
        });
        Assert.Equal((ulong.MaxValue, uint.MaxValue, 5), (wide[0], narrow[0], signed[0]));
        Assert.Equal((5ul, 5u, 0), (wide[1], narrow[1], signed[1]));
        Assert.Equal((uint.MaxValue, 0u), (narrow[2], narrow[3]));
    }

    [Fact]
    public void WhatIsNoAtomicFailsTheLaunch()
    {
        using SharedMemory memory = TwoDevices.Open(MemoryKind.Portable);
        using SharedArray<long> array = memory.Allocate<long>(4);
        Fails(context => context.Atomic(array, 0, (AtomicOperation)9, 1L), "no such operation");
        Fails(context => context.Atomic(array.Address, AtomicOperation.Add, 1.5), "Atomic operations work on int");
        using Launch unaligned = memory.Launch(context => context.Atomic(array.Address + 4, AtomicOperation.Or, 1L), 1);
        Assert.Equal(StatusCode.InvalidArgument, Assert.Throws<KernelAccessException>(unaligned.Wait).Status);

        void Fails(KernelBody body, string words)
        {
            using Launch launch = memory.Launch(body, 1);
            Assert.Contains(words, Assert.Throws<KernelFailedException>(launch.Wait).Message, StringComparison.Ordinal);
        }
    }

    /// <summary>One turn of one participant at all counters.</summary>
    private static void Do(Participant participant, nint at, int bytes, int id)
    {
        (AtomicOperation Operation, int Value)[] turn =
        [
            (AtomicOperation.Add, 10), (AtomicOperation.Exchange, id), (AtomicOperation.Max, id), (AtomicOperation.Min, id), (AtomicOperation.Increment, CountUpTo), (AtomicOperation.Decrement, CountDownFrom),
            (AtomicOperation.And, (2 * id) + 7), (AtomicOperation.Or, 1 << (id % 20)), (AtomicOperation.Xor, id),
        ];
        for (int counter = 0; counter < turn.Length; counter++)
        {
            if (bytes == 8)
                participant.Atomic(at + (counter * Stride), turn[counter].Operation, (long)turn[counter].Value);
            else
                participant.Atomic(at + (counter * Stride), turn[counter].Operation, turn[counter].Value);
        }

        // The next number, whoever is first: each succeeds once.
        nint last = at + (turn.Length * Stride);
        for (long seen = Nobody; ;)
        {
            long found = bytes == 8 ? participant.CompareExchange(last, seen + 1, seen) : participant.CompareExchange(last, (int)seen + 1, (int)seen);
            if (found == seen)
                return;
            seen = found;
        }
    }

    /// <summary>What becomes of 0 by so many equal operations.</summary>
    private static long Repeat(AtomicOperation operation, long value, int times)
    {
        long x = 0;
        for (int i = 0; i < times; i++)
            x = Formulas.Apply(operation, x, value, (ulong)x, (ulong)value);
        return x;
    }
}
