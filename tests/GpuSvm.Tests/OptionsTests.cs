// SPDX-License-Identifier: MIT
namespace GpuSvm.Tests;

/// <summary>Bad options are refused with one clear sentence that says what is possible.</summary>
public class OptionsTests
{
    [Theory]
    [InlineData(0L)]
    [InlineData(-4096L)]
    [InlineData(4095L)]
    [InlineData(4097L)]
    public void ADeviceMemoryThatIsNotWholePagesIsRefusedWithTheRemedy(long bytes)
    {
        var options = new SharedMemoryOptions { Memory = MemoryKind.Portable, DeviceMemoryBytes = bytes };
        ArgumentException refused = Assert.Throws<ArgumentException>(() => SharedMemory.Create(options));
        Assert.Contains("4096", refused.Message, StringComparison.Ordinal);
        Assert.Contains($"{bytes}", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AnImpossibleDeviceMemoryIsRefused()
    {
        var options = new SharedMemoryOptions { Memory = MemoryKind.Portable, DeviceMemoryBytes = 1L << 60 };
        ArgumentException refused = Assert.Throws<ArgumentException>(() => SharedMemory.Create(options));
        Assert.Contains("device memory", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AnImpossibleCapacityIsRefused()
    {
        var options = new SharedMemoryOptions { Memory = MemoryKind.Portable, CapacityBytes = 1L << 62 };
        ArgumentException refused = Assert.Throws<ArgumentException>(() => SharedMemory.Create(options));
        Assert.Contains("capacity", refused.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => SharedMemory.Create(options with { CapacityBytes = 0 }));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(257)]
    public void AnImpossibleNumberOfUnitsIsRefused(int units)
        => Assert.Throws<ArgumentException>(() => SharedMemory.Create(new SharedMemoryOptions { Memory = MemoryKind.Portable, ComputeUnits = units }));

    [Theory]
    [InlineData(0)]
    [InlineData(8192)]
    [InlineData(4 << 20)]
    public void AnImpossibleChunkIsRefused(int bytes)
        => Assert.Throws<ArgumentException>(() => SharedMemory.Create(new SharedMemoryOptions { Memory = MemoryKind.Portable, LargestChunkBytes = bytes }));

    [Fact]
    public void AnUnknownMemoryKindIsRefused()
        => Assert.Throws<ArgumentException>(() => SharedMemory.Create(new SharedMemoryOptions { Memory = (MemoryKind)7 }));

    [Fact]
    public void UnknownPoliciesAreRefusedWithTheirNames()
    {
        var options = new SharedMemoryOptions { Memory = MemoryKind.Portable };
        Assert.Contains("Sequential", Assert.Throws<ArgumentException>(() => SharedMemory.Create(options with { Prefetch = (PrefetchPolicy)9 })).Message, StringComparison.Ordinal);
        Assert.Contains("FaultOrder", Assert.Throws<ArgumentException>(() => SharedMemory.Create(options with { Eviction = (EvictionPolicy)9 })).Message, StringComparison.Ordinal);
        Assert.Contains("Threshold", Assert.Throws<ArgumentException>(() => SharedMemory.Create(options with { AccessCounters = (AccessCounterPolicy)9 })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void EveryImpossibleValueIsNamedAtOnce()
    {
        var options = new SharedMemoryOptions { DeviceMemoryBytes = 100, ComputeUnits = 1000, KeepFreeBytes = -1, Thrash = (ThrashPolicy)77 };
        IReadOnlyList<string> problems = options.Validate();
        Assert.Equal(["DeviceMemoryBytes", "ComputeUnits", "KeepFreeBytes", "Thrash"], problems.Select(problem => problem.Split(": set ")[1].Split(' ')[0]));
        string message = Assert.Throws<ArgumentException>(() => SharedMemory.Create(options)).Message;
        Assert.All(problems, problem => Assert.Contains(problem, message, StringComparison.Ordinal));
        Assert.Empty(new SharedMemoryOptions().Validate());
    }

    [Fact]
    public void MoreThanHalfOfTheDeviceCannotBeKeptFree()
    {
        var options = new SharedMemoryOptions { Memory = MemoryKind.Portable, DeviceMemoryBytes = 8 << 20, KeepFreeBytes = (4 << 20) + 1 };
        Assert.Contains("half", Assert.Throws<ArgumentException>(() => SharedMemory.Create(options)).Message, StringComparison.Ordinal);
        options.KeepFreeBytes = 4 << 20;
        SharedMemory.Create(options).Dispose();
    }

    [Fact]
    public void PortableMemorySaysWhyItIsNotReal()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Portable);
        Assert.Equal(MemoryKind.Portable, memory.Kind);
        Assert.NotEqual("", memory.KindReason);
    }

    [Fact]
    public void RealMemoryGivesNoReason()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Real);
        Assert.Equal(MemoryKind.Real, memory.Kind);
        Assert.Equal("", memory.KindReason);
    }

    [Fact]
    public void AutoGivesOneOfTheTwoAndAReasonForTheSecond()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Auto);
        Assert.NotEqual(MemoryKind.Auto, memory.Kind);
        Assert.Equal(memory.Kind == MemoryKind.Portable, memory.KindReason.Length > 0);
    }

    [Fact]
    public void EveryProbeThatFailsNamesItsRemedy()
    {
        IReadOnlyList<ProbeResult> results = SharedMemory.Probe();
        Assert.NotEmpty(results);
        Assert.All(results, result =>
        {
            Assert.NotEqual("", result.Name);
            Assert.True(result.Ok || result.Remedy.Length > 0, $"{result.Name} fails without a remedy");
        });
    }
}
