// SPDX-License-Identifier: MIT
using CsCheck;
using GpuSvm.Conformance;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;

namespace GpuSvm.Simulation.Tests;

/// <summary>Random histories of CPU, device and program on simulated memory: every byte must be what the reference model says. CsCheck prints the seed.</summary>
public sealed class RandomHistoryTests
{
    private static readonly Gen<HistoryStep[]> _histories =
        Gen.Select(Gen.Enum<HistoryStepKind>(), Gen.Int[0, 100_000], Gen.Int[0, 100_000], Gen.Int[0, 100_000], (kind, where, size, value) =>
            new HistoryStep(kind, where, size, value)).Array[1, 120];

    [Theory]
    [InlineData(DiscardOrder.AfterGate)]
    [InlineData(DiscardOrder.OnRead)]
    public void EveryByteIsWhatTheModelSays(DiscardOrder order) => _histories.Sample(steps =>
    {
        using var run = new HistoryRun(new SimulatedHostOptions { Frames = 4096, DiscardOrder = order });
        run.Run(steps);
    }, iter: 100, threads: 1);

    [Fact]
    public void EveryByteIsWhatTheModelSaysWithoutHugeOrLazyPages() => _histories.Sample(steps =>
    {
        using var run = new HistoryRun(new SimulatedHostOptions { Frames = 4096, Capabilities = SimulatedFixture.Eager.Create().Capabilities });
        run.Run(steps);
    }, iter: 60, threads: 1);

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    public void ThreadsThatShareEveryPageEachFindTheirOwnBytes(int seed)
    {
        const int Threads = 3, Stripe = 32, Steps = 400;
        using var memory = new SimulatedHostMemory();
        var client = new RecordingClient(memory);
        Assert.Equal(SvmStatus.Done, memory.Allocate(PageSize.HugeBytes, out AddressRange interval));
        AddressRange pages = AddressRange.OfPages(interval.Start, 32);
        int stripes = (int)pages.Bytes / Stripe / Threads, progress = 0;
        var models = new ReferenceMemory[Threads];
        ProgramThread[] threads = [.. Enumerable.Range(0, Threads).Select(thread => new ProgramThread(() =>
        {
            var random = new Random(seed * 100 + thread);
            ReferenceMemory model = models[thread] = new ReferenceMemory();
            model.Map(pages);
            byte[] bytes = new byte[Stripe];
            for (int step = 0; step < Steps; step++)
            {
                VirtualAddress address = pages.Start + (long)((random.Next(stripes) * Threads) + thread) * Stripe;
                if (random.Next(2) == 0)
                {
                    random.NextBytes(bytes);
                    Assert.Equal(SvmStatus.Done, memory.CpuWrite(address, bytes));
                    model.Write(address, bytes);
                }
                else
                {
                    Assert.Equal(SvmStatus.Done, memory.CpuRead(address, bytes));
                    Assert.True(model.FirstDifference(address, bytes) is null, $"seed {seed}, thread {thread}, step {step}: {address}");
                }

                Interlocked.Increment(ref progress);
            }
        }))];
        var mover = new Random(seed);
        while (threads.Any(thread => thread.IsRunning))
        {
            int before = Volatile.Read(ref progress);
            client.MoveAway((pages.Start + mover.NextInt64(pages.Bytes)).Block(new PageOrder((byte)mover.Next(6))));
            client.BringBack(pages.Start + mover.NextInt64(pages.Bytes));
            SpinWait.SpinUntil(() => Volatile.Read(ref progress) != before || !threads.Any(thread => thread.IsRunning));
        }

        foreach (ProgramThread thread in threads)
            thread.Join();
        client.BringAllBack();
        byte[] final = new byte[Stripe];
        for (int i = 0; i < stripes * Threads; i++)
        {
            VirtualAddress address = pages.Start + (long)i * Stripe;
            Assert.Equal(SvmStatus.Done, memory.CpuRead(address, final));
            Assert.True(models[i % Threads].FirstDifference(address, final) is null, $"seed {seed}: {address} at the end");
        }

        memory.VerifyNoLeaks();
    }
}
