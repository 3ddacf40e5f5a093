// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Vm;
using GpuSvm.Lab.Advising;
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Workloads;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Tests;

/// <summary>The advisor finds what is known to be best, says what it is worth, and finds the same each time; advice reaches the memory that it is for.</summary>
public sealed class AdvisorTests
{
    [Fact]
    public void AnyNumberOfThreadsFindsTheSame()
    {
        string first = Words(Search("gups", threads: 1)), again = Words(Search("gups", threads: 4));
        Assert.Equal(first, again);
    }

    [Fact]
    public void WhatIsAdvisedIsWorthWhatIsSaid()
    {
        Advice advice = Search("srad", threads: 2);
        Assert.NotEmpty(advice.Settings.All);
        Assert.True(advice.Speedup > 1.01, $"{advice.Speedup}");
        AdvisorOptions options = Options("srad", 1);
        Assert.Equal(advice.Advised.ModelledNanoseconds, AdvisedReplay.Run(options.Machine, options.Create(1), advice.Settings).ModelledNanoseconds);
        Assert.Equal(advice.Default.ModelledNanoseconds, options.Machine.Run(options.Create(1)).ModelledNanoseconds);
        Assert.Equal(advice.Settings.All, advice.Shares.Select(share => share.Setting));
        foreach (SettingShare share in advice.Shares)
        {
            double without = AdvisedReplay.Run(options.Machine, options.Create(1), advice.Settings.Without(share.Setting)).ModelledNanoseconds;
            Assert.Equal(without - advice.Advised.ModelledNanoseconds, share.LostNanoseconds!.Value, 3);
            Assert.True(share.LostNanoseconds > 0, $"{share}");
        }

        Assert.Equal(advice.Default.ModelledNanoseconds, advice.Checks[0].DefaultNanoseconds);
        Assert.Equal(advice.Advised.ModelledNanoseconds, advice.Checks[0].AdvisedNanoseconds);
        Assert.Equal(CostModels.All.Select(model => model.Name), advice.Checks.Select(check => check.CostModel).Distinct());
    }

    [Fact]
    public void ATableThatBothSidesReadInTurnsIsWorthACopyOnEach()
    {
        // With the defaults the table goes to and fro, or is read over the link.
        Advice advice = Advisor.Search(new AdvisorOptions { Create = _ => new SharedTable(), Machine = new ReplaySettings { Oversubscription = 0.5 }, BudgetAccesses = 20_000_000, Threads = 2 }, _ => { }, (_, _) => { }, CancellationToken.None);
        Assert.Contains("--advise table=read-mostly", advice.Settings.All.Select(setting => setting.ToString()));
        Assert.Equal("table", advice.Uses[0].Interval.Name);
        Assert.True(advice.Uses[0].CpuAccesses > 0 && advice.Uses[0].DeviceWrites == 0);
    }

    [Fact]
    public void TheBudgetEndsTheSearchAndIsTold()
    {
        Advice advice = Advisor.Search(Options("gups", 1) with { BudgetAccesses = 1_000 }, _ => { }, (_, _) => { }, CancellationToken.None);
        Assert.True(advice.IsOutOfBudget);
        Assert.True(advice.Advised.ModelledNanoseconds <= advice.Default.ModelledNanoseconds);
        Assert.False(Search("gups", threads: 2).IsOutOfBudget);
    }

    [Fact]
    public void AdviceReachesTheMemoryOfItsNameAlone()
    {
        var workload = new SharedTable();
        var settings = new AdvisedSettings([new Setting(new AdvisedInterval { Name = "table" }, IntervalWish.Find("never-migrate")!)]);
        var seen = new IntervalProfile(workload.FootprintBytes);
        ReplayResult result = AdvisedReplay.Run(new ReplaySettings(), workload, settings, log: seen);
        Assert.True(result.RemoteAccesses > 0);
        Assert.Equal(0, seen.Uses().Single(use => use.Interval.Name == "table").MovedBytes);
        Assert.True(seen.Uses().Single(use => use.Interval.Name == "out").MovedBytes > 0);
        var sink = new AdvisingSink(new TraceFootprint(), new AdvisedSettings([new Setting(new AdvisedInterval { Name = "tabel" }, IntervalWish.All[0])]));
        workload.Generate(sink);
        Assert.Equal(["tabel"], sink.Unknown);
    }

    [Fact]
    public void MemoryWithoutANameGoesByItsAddresses()
    {
        var workload = new SharedTable(isNamed: false);
        var seen = new IntervalProfile(workload.FootprintBytes);
        _ = AdvisedReplay.Run(new ReplaySettings(), workload, AdvisedSettings.None, log: seen);
        AdvisedInterval table = seen.Uses().Single(use => use.DeviceWrites == 0).Interval;
        Assert.True(table.IsUnnamed);
        Assert.Equal(table, AdvisedInterval.Parse(table.Name));
        ReplayResult result = AdvisedReplay.Run(new ReplaySettings(), workload, new AdvisedSettings([new Setting(table, IntervalWish.Find("prefer-system")!)]));
        Assert.True(result.RemoteAccesses >= SharedTable.Rounds);
        Assert.Equal(0, result.FailedAccesses);
    }

    [Fact]
    public void WhatTheProgramAdvisesItselfStillHolds()
    {
        var seen = new AdviceLog();
        var table = new AdvisedInterval { Name = "table" };
        var sink = new AdvisingSink(seen, new AdvisedSettings([new Setting(table, IntervalWish.Find("pinned")!)]));
        var interval = AddressRange.OfBytes(new VirtualAddress(1 << 24), 1 << 20);
        sink.Mapping(new TraceMapping(interval, false, "table"));
        var half = AddressRange.OfBytes(interval.Start, 1 << 19);
        sink.Advice(new TraceAdvice(half, new MemoryAdvice { IsReadMostly = true }));
        sink.Mapping(new TraceMapping(interval, true));
        sink.Advice(new TraceAdvice(half, default)); // For what is mapped there next.
        Assert.Equal(
            [
                new TraceAdvice(interval, new MemoryAdvice { IsPinned = true }),
                new TraceAdvice(half, new MemoryAdvice { IsReadMostly = true }),
                new TraceAdvice(half, new MemoryAdvice { IsReadMostly = true, IsPinned = true }),
                new TraceAdvice(half, default),
            ],
            seen.Seen);
    }

    [Fact]
    public void ASettingTakesThePlaceOfThatOfItsSlot()
    {
        var interval = new AdvisedInterval { Name = "a" };
        AdvisedSettings settings = new([new Setting(PolicyKnob.All[0], "64K"), new Setting(interval, IntervalWish.Find("prefer-device")!)]);
        settings = settings.With(new Setting(interval, IntervalWish.Find("prefer-system")!)).With(new Setting(interval, IntervalWish.Find("pinned")!)).With(new Setting(PolicyKnob.All[0], "4K"));
        Assert.Equal("--chunk 4K --advise a=prefer-system --advise a=pinned", settings.ToString());
        Assert.Equal("--advise a=prefer-system --advise a=pinned", settings.With(new Setting(PolicyKnob.All[0], "2M")).ToString()); // The default is none.
    }

    /// <summary>Searches for a small workload.</summary>
    private static Advice Search(string workload, int threads) => Advisor.Search(Options(workload, threads), _ => { }, (_, _) => { }, CancellationToken.None);

    /// <summary>What is searched for a small workload.</summary>
    private static AdvisorOptions Options(string workload, int threads) => new()
    {
        Create = seed => WorkloadKinds.Find(workload)!.Create(new WorkloadOptions { Bytes = workload == "gups" ? WorkloadOptions.LeastBytes : 512 << 10, Seed = (ulong)seed }),
        Machine = new ReplaySettings { Oversubscription = 1.25 },
        BudgetAccesses = 20_000_000,
        Threads = threads,
    };

    /// <summary>All that was found, as text that can be compared.</summary>
    private static string Words(Advice advice) => string.Join('\n', [
        advice.Settings.ToString(), $"{advice.Default.ModelledNanoseconds:R} {advice.Advised.ModelledNanoseconds:R} {advice.Tried} {advice.ReplayedAccesses}", .. advice.Shares.Select(share => share.ToString()), .. advice.Checks.Select(check => check.ToString())]);

    /// <summary>Keeps the advice that it is given.</summary>
    private sealed class AdviceLog : ITraceSink
    {
        public List<TraceAdvice> Seen { get; } = [];

        public void Access(in TraceAccess access)
        {
        }

        public void Kernel(in TraceKernel kernel)
        {
        }

        public void Mapping(in TraceMapping mapping)
        {
        }

        public void Advice(in TraceAdvice advice) => Seen.Add(advice);

        public void Prefetch(in TracePrefetch prefetch)
        {
        }

        public void Bind(in TraceBind bind)
        {
        }

        public void Event(in Core.Diagnostics.SvmEvent one)
        {
        }
    }

    /// <summary>A table that a kernel and a CPU thread read in turns, and an array that the kernel writes.</summary>
    private sealed class SharedTable(bool isNamed = true) : IWorkload
    {
        public const int Rounds = 6;

        private const long TableBytes = 2 << 20;
        private const long OutBytes = 512 << 10;

        public string Description => "a shared table";

        public long FootprintBytes => TableBytes + OutBytes;

        public void Generate(ITraceSink sink)
        {
            var program = new ProgramTrace(isNamed ? sink : new WithoutNames(sink));
            WorkloadArray table = program.Allocate("table", TableBytes), output = program.Allocate("out", OutBytes);
            for (int round = 0; round < Rounds; round++)
            {
                program.BeginKernel("look up");
                for (long at = 0; at < TableBytes; at += PageSize.Bytes)
                {
                    for (int line = 0; line < 4; line++)
                        program.Read(table, at + (line * ProgramTrace.LineBytes));
                    program.Write(output, at / 4);
                }

                program.EndKernel();
                program.ByCpu(table, MemoryAccess.Read);
            }
        }
    }

    /// <summary>Leaves names out, as traces of others do, which do not say what was mapped.</summary>
    private sealed class WithoutNames(ITraceSink sink) : ITraceSink
    {
        public void Access(in TraceAccess access) => sink.Access(access);

        public void Kernel(in TraceKernel kernel) => sink.Kernel(kernel);

        public void Mapping(in TraceMapping mapping)
        {
        }

        public void Advice(in TraceAdvice advice) => sink.Advice(advice);

        public void Prefetch(in TracePrefetch prefetch) => sink.Prefetch(prefetch);

        public void Bind(in TraceBind bind) => sink.Bind(bind);

        public void Event(in Core.Diagnostics.SvmEvent one) => sink.Event(one);
    }
}
