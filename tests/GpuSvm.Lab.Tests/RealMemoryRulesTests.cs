// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Conformance;
using GpuSvm.SoftwareGpu.Mirror;

namespace GpuSvm.Lab.Tests;

/// <summary>What may differ on real memory, and what may not.</summary>
public sealed class RealMemoryRulesTests
{
    private static readonly TraceAnswer _read = new(0, new MirrorProgress(2, 1), Hash: 7);

    [Fact]
    public void TheNumberOfFaultsMayDifferAndNoByte()
    {
        var rules = new RealMemoryRules();
        TraceStep step = Step(TraceOperation.DeviceRead, _read);
        Assert.True(rules.Allows(step, _read with { Progress = new MirrorProgress(2, 0) }));
        Assert.False(rules.Allows(step, _read with { Progress = new MirrorProgress(1, 1) }));
        Assert.False(rules.Allows(step, _read with { Progress = new MirrorProgress(2, 0), Hash = 8 }));
        Assert.False(rules.Allows(step, new TraceAnswer(-14)));
        Assert.Equal((1, 0), (rules.FaultCounts, rules.Placements));
    }

    [Fact]
    public void PagesMayBeElsewhereOnceMappingsHaveChanged()
    {
        var rules = new RealMemoryRules();
        TraceStep snapshot = Step(TraceOperation.Snapshot, new TraceAnswer(0, new MirrorProgress(2, 0), Snapshot: [0x21, 0xFF]));
        TraceAnswer elsewhere = new(0, new MirrorProgress(2, 0), Snapshot: [0x01, 0xFF]);
        Assert.False(rules.Allows(snapshot, elsewhere));
        rules.Passed(Step(TraceOperation.Protect, new TraceAnswer(0)));
        Assert.True(rules.Allows(snapshot, elsewhere));
        Assert.False(rules.Allows(snapshot, elsewhere with { Snapshot = [0x01, 0x01] })); // A hole is one for everybody.
        Assert.True(rules.Allows(Step(TraceOperation.ToDevice, new TraceAnswer(0, new MirrorProgress(2, 0), Hash: 7)), new TraceAnswer(-2)));
        Assert.False(rules.Allows(Step(TraceOperation.ToDevice, new TraceAnswer(0, new MirrorProgress(2, 0), Hash: 7)), new TraceAnswer(0, new MirrorProgress(2, 0), Hash: 8)));
        Assert.False(rules.Allows(Step(TraceOperation.DeviceRead, _read), new TraceAnswer(-14)));
        Assert.False(rules.Allows(Step(TraceOperation.CpuRead, new TraceAnswer(0, Hash: 7)), new TraceAnswer(0, Hash: 8)));
        rules.Begin();
        Assert.False(rules.Allows(snapshot, elsewhere));
        Assert.Equal((0, 2), (rules.FaultCounts, rules.Placements));
    }

    private static TraceStep Step(TraceOperation operation, TraceAnswer answer) => new(operation, 0, 4, 2, 1, answer);
}
