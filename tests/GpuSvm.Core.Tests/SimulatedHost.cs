// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Simulation;

namespace GpuSvm.Core.Tests;

/// <summary>Simulated memory for tests of the host address space.</summary>
internal sealed class SimulatedHost : HostMemoryFixture
{
    private readonly SimulatedHostOptions _options;

    private SimulatedHost(SimulatedHostOptions options) => _options = options;

    /// <summary>Builds an address space over simulated memory.</summary>
    /// <param name="options">The memory's options; null for the default.</param>
    /// <returns>The machine; disposing it ends the process side.</returns>
    public static AddressSpaceMachine Machine(SimulatedHostOptions? options = null)
    {
        SchedulePoint.Install(null);
        var fixture = new SimulatedHost(options ?? new SimulatedHostOptions());
        return new AddressSpaceMachine(fixture, fixture.Create());
    }

    /// <inheritdoc/>
    public override IHostMemory Create() => new SimulatedHostMemory(_options);

    /// <inheritdoc/>
    public override SvmStatus CpuRead(IHostMemory memory, VirtualAddress address, Span<byte> destination) => ((SimulatedHostMemory)memory).CpuRead(address, destination);

    /// <inheritdoc/>
    public override SvmStatus CpuWrite(IHostMemory memory, VirtualAddress address, ReadOnlySpan<byte> source) => ((SimulatedHostMemory)memory).CpuWrite(address, source);

    /// <inheritdoc/>
    public override void VerifyNoLeaks(IHostMemory memory) => ((SimulatedHostMemory)memory).VerifyNoLeaks();
}
