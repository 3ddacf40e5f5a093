// SPDX-License-Identifier: MIT
namespace GpuSvm.Tests;

/// <summary>The suite on portable memory, which runs everywhere.</summary>
public sealed class PortableEndToEndTests : EndToEndSuite
{
    protected override MemoryKind Kind => MemoryKind.Portable;

    [Fact]
    public void EveryPageIsHomeWhenALaunchIsReported()
    {
        using SharedMemory memory = Open();
        using SharedArray<long> array = memory.Allocate<long>(100_000);
        memory.Run(4, context => ForEachBlock(context, array, static value => value + 1));
        Assert.Equal(0, memory.Statistics.DeviceBytesUsed);
        Assert.Equal(0, memory.Statistics.CpuFaults);
    }

    [Fact]
    public void PagesAreHomeAfterAFailedLaunchToo()
    {
        using SharedMemory memory = Open();
        using SharedArray<long> array = memory.Allocate<long>(100_000);
        using Launch launch = memory.Launch(context =>
        {
            ForEachBlock(context, array, static value => value + 1);
            throw new InvalidOperationException("after the work");
        }, 1);
        Assert.Throws<KernelFailedException>(launch.Wait);
        Assert.Equal(0, memory.Statistics.DeviceBytesUsed);
        Assert.Equal(-1, array.Span.IndexOfAnyExcept(1L));
    }
}
