// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Simulation.Tests;

/// <summary>Simulated memory under the suites.</summary>
/// <param name="options">The machine; null for the default.</param>
public sealed class SimulatedFixture(SimulatedHostOptions? options = null) : HostMemoryFixture
{
    private readonly SimulatedHostOptions _options = options ?? new SimulatedHostOptions();

    /// <summary>Pages are there from the start, and small; a madvise takes them before it is handled.</summary>
    public static SimulatedFixture Eager { get; } = new(new SimulatedHostOptions
    {
        Capabilities = HostMemoryCapabilities.CpuFaults | HostMemoryCapabilities.WriteProtect | HostMemoryCapabilities.MappingEvents,
        DiscardOrder = DiscardOrder.OnRead,
    });

    /// <summary>Nothing is promised.</summary>
    public static SimulatedFixture Faultless { get; } = new(new SimulatedHostOptions { Capabilities = HostMemoryCapabilities.None });

    /// <inheritdoc/>
    public override bool ReportsSignals => true;

    /// <inheritdoc/>
    public override IHostMemory Create() => new SimulatedHostMemory(_options);

    /// <inheritdoc/>
    public override IHostMemory? CreateWithStaging(int blocks) => new SimulatedHostMemory(_options with { StagingBlocks = blocks });

    /// <inheritdoc/>
    public override IHostMemory? CreateWithPages(int pages) => new SimulatedHostMemory(_options with { Frames = pages });

    /// <inheritdoc/>
    public override SvmStatus CpuRead(IHostMemory memory, VirtualAddress address, Span<byte> destination) =>
        ((SimulatedHostMemory)memory).CpuRead(address, destination);

    /// <inheritdoc/>
    public override SvmStatus CpuWrite(IHostMemory memory, VirtualAddress address, ReadOnlySpan<byte> source) =>
        ((SimulatedHostMemory)memory).CpuWrite(address, source);

    /// <inheritdoc/>
    public override bool TryUnmap(IHostMemory memory, AddressRange interval) => ((SimulatedHostMemory)memory).Unmap(interval).IsDone();

    /// <inheritdoc/>
    public override bool TryDontNeed(IHostMemory memory, AddressRange interval) => ((SimulatedHostMemory)memory).DontNeed(interval).IsDone();

    /// <inheritdoc/>
    public override void VerifyNoLeaks(IHostMemory memory)
    {
        var simulated = (SimulatedHostMemory)memory;
        simulated.VerifyNoLeaks();
        Assert.Equal(0, simulated.FramesInUse);
    }
}
