// SPDX-License-Identifier: MIT
namespace GpuSvm.Tests;

/// <summary>Advice as a program gives it.</summary>
public class AdviceTests
{
    private const int Length = (4 << 20) / sizeof(long);

    [Theory]
    [InlineData(MemoryKind.Portable)]
    [InlineData(MemoryKind.Real)]
    public void MemoryThatIsMostlyReadIsReadByBothSidesWithoutAFault(MemoryKind kind)
    {
        using SharedMemory memory = Memories.Open(kind);
        using SharedArray<long> array = memory.Allocate<long>(Length);
        memory.Advise(array, new MemoryAdvice { IsReadMostly = true });
        for (int round = 1; round <= 3; round++)
        {
            for (nint i = 0; i < Length; i++)
                array[i] = i * round;
            Assert.Equal(0, CountWrong(memory, array, round));
            SvmStatistics before = memory.Statistics;
            for (nint i = 0; i < Length; i++)
                Assert.Equal(i * round, array[i]);
            Assert.Equal(0, CountWrong(memory, array, round));
            SvmStatistics after = memory.Statistics;
            if (kind == MemoryKind.Real)
                Assert.Equal((before.GpuFaults, before.CpuFaults, 0L), (after.GpuFaults, after.CpuFaults, after.BytesToDevice));
            memory.CheckInvariants();
        }
    }

    /// <summary>CPU threads write while kernels read and write: every value is one that was written, and in the end all of them are there.</summary>
    [Fact]
    public void WritersOnBothSidesLoseNothing()
    {
        const int Groups = 64;
        const int Rounds = 200;
        using SharedMemory memory = Memories.Open(MemoryKind.Real);
        using SharedArray<long> array = memory.Allocate<long>(Length);
        memory.Advise(array, new MemoryAdvice { IsReadMostly = true });
        nint stride = Length / Groups;
        var writer = new Thread(() =>
        {
            for (long round = 1; round <= Rounds; round++)
            {
                for (nint group = 0; group < Groups; group++)
                    array[group * stride] = round;
            }
        });
        writer.Start();
        long backwards = 0;
        for (int launches = 0; launches < 20; launches++)
        {
            memory.Run(Groups, context =>
            {
                nint at = context.GroupIndex * stride;
                long last = 0;
                for (int i = 0; i < 20; i++)
                {
                    long seen = context.Load(array, at);
                    if (seen < last || seen > Rounds)
                        Interlocked.Increment(ref backwards);
                    last = seen;
                    if (i % 5 == 4)
                        context.Store(array, at + 1, context.Load(array, at + 1) + 1);
                }
            });
        }

        writer.Join();
        Assert.Equal(0, backwards);
        for (nint group = 0; group < Groups; group++)
            Assert.Equal(((long)Rounds, 80L), (array[group * stride], array[(group * stride) + 1]));
        memory.CheckInvariants();
    }

    [Fact]
    public void WishesThatMakeNoSenseAreNamedAndChangeNothing()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Portable);
        using SharedArray<long> array = memory.Allocate<long>(Length);
        ArgumentException refused = Assert.Throws<ArgumentException>(() => memory.Advise(array, new MemoryAdvice { GranularityBytes = 5000 }));
        Assert.Contains("granularity_bytes 5000", refused.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Advise(array, 1, Length, default));
        memory.Advise(array, new MemoryAdvice { Preferred = PreferredLocation.System, Atomics = AtomicMode.System, IsPinned = true, GranularityBytes = 65536 });
        KernelAccessException denied = Assert.Throws<KernelAccessException>(() => memory.Run(1, context => context.AtomicAdd(array, 0, 1)));
        Assert.Equal(StatusCode.AccessDenied, denied.Status);
    }

    /// <summary>How many elements a kernel finds wrong.</summary>
    private static long CountWrong(SharedMemory memory, SharedArray<long> array, int round)
    {
        const int Groups = 16;
        long wrong = 0;
        nint each = Length / Groups;
        memory.Run(Groups, context =>
        {
            Span<long> piece = stackalloc long[512];
            for (nint at = context.GroupIndex * each; at < (context.GroupIndex + 1) * each; at += piece.Length)
            {
                context.Read(array, at, piece);
                for (int i = 0; i < piece.Length; i++)
                {
                    if (piece[i] != (at + i) * round)
                        Interlocked.Increment(ref wrong);
                }
            }
        });
        return wrong;
    }
}
