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

    /// <summary>A fixture.</summary>
    /// <param name="options">What kind of memory it makes.</param>
    public SimulatedHost(SimulatedHostOptions options) => _options = options;

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
    public override IHostMemory? CreateAnnouncingProtection() => new SimulatedHostMemory(_options with { Watcher = HostWatcher.Kernel });

    /// <inheritdoc/>
    public override bool TryUnmap(IHostMemory memory, AddressRange interval) => ((SimulatedHostMemory)memory).Unmap(interval).IsDone();

    /// <inheritdoc/>
    public override bool TryDontNeed(IHostMemory memory, AddressRange interval) => ((SimulatedHostMemory)memory).DontNeed(interval).IsDone();

    /// <inheritdoc/>
    public override bool TryMapAnew(IHostMemory memory, AddressRange interval, out bool isShared)
    {
        isShared = true;
        return ((SimulatedHostMemory)memory).Map(interval.Start, interval.Bytes).IsDone();
    }

    /// <inheritdoc/>
    public override bool TryMove(IHostMemory memory, AddressRange from, out AddressRange to, out bool isShared)
    {
        var far = new VirtualAddress(0x3000_0000_0000UL); // Behind everything allocated; what is there already moves on.
        to = AddressRange.OfBytes(from.Start < far ? far : from.Start + (1L << 32), from.Bytes);
        isShared = true;
        return ((SimulatedHostMemory)memory).Remap(from, to.Start).IsDone();
    }

    /// <inheritdoc/>
    public override bool TryProtect(IHostMemory memory, AddressRange interval, bool writable) =>
        ((SimulatedHostMemory)memory).Protect(interval, writable ? HostProtection.ReadWrite : HostProtection.ReadOnly).IsDone();

    /// <inheritdoc/>
    public override SvmStatus CpuRead(IHostMemory memory, VirtualAddress address, Span<byte> destination) => ((SimulatedHostMemory)memory).CpuRead(address, destination);

    /// <inheritdoc/>
    public override SvmStatus CpuWrite(IHostMemory memory, VirtualAddress address, ReadOnlySpan<byte> source) => ((SimulatedHostMemory)memory).CpuWrite(address, source);

    /// <inheritdoc/>
    public override void VerifyNoLeaks(IHostMemory memory) => ((SimulatedHostMemory)memory).VerifyNoLeaks();
}
