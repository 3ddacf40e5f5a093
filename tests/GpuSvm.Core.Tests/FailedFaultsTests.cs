// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Faults;

namespace GpuSvm.Core.Tests;

/// <summary>The list of faults that were refused, as a service fills it.</summary>
public sealed class FailedFaultsTests
{
    [Fact]
    public void TheFirstAreKeptAndTheRestIsCounted()
    {
        using var machine = new Machine();
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        var buffer = new Buffer();
        using (var service = new FaultService(buffer, machine.Vm, 1))
        {
            for (int i = 0; i < FailedFaults.Capacity + 5; i++)
                service.Serve(new GpuFault(new VirtualAddress(4096) + (i * PageSize.Bytes), MemoryAccess.Read, machine.Vm.AddressSpaceId, i, i));
            service.Serve(new GpuFault(memory.Start, MemoryAccess.Read, machine.Vm.AddressSpaceId, 99, 0)); // Served: not in the list.
        }

        Assert.Equal(FailedFaults.Capacity + 6, buffer.Acknowledged);
        Span<FailedFault> some = stackalloc FailedFault[10];
        Assert.Equal(10, machine.Vm.FailedFaults.Take(some, out long dropped));
        Assert.Equal(5, dropped);
        Assert.Equal(new FailedFault(new VirtualAddress(4096) + (3 * PageSize.Bytes), MemoryAccess.Read, SvmStatus.NotMapped, 0, 3), some[3]);
        Span<FailedFault> rest = stackalloc FailedFault[100];
        Assert.Equal(FailedFaults.Capacity - 10, machine.Vm.FailedFaults.Take(rest, out dropped));
        Assert.Equal((0L, 10L), (dropped, rest[0].Timestamp));
        Assert.Equal(0, machine.Vm.FailedFaults.Take(rest, out _));
    }

    /// <summary>A buffer that stays empty.</summary>
    private sealed class Buffer : IFaultBuffer
    {
        private readonly object _gate = new();
        private bool _closed; // Guarded by _gate.

        /// <summary>How many faults were acknowledged.</summary>
        public int Acknowledged { get; private set; }

        /// <inheritdoc/>
        public int Fetch(Span<GpuFault> faults)
        {
            lock (_gate)
            {
                while (!_closed)
                    Monitor.Wait(_gate);
                return 0;
            }
        }

        /// <inheritdoc/>
        public void Acknowledge(in GpuFault fault, SvmStatus status) => Acknowledged++;

        /// <inheritdoc/>
        public void Requeue(in GpuFault fault) => throw new InvalidOperationException("Nothing was overtaken.");

        /// <inheritdoc/>
        public void Close()
        {
            lock (_gate)
            {
                _closed = true;
                Monitor.PulseAll(_gate);
            }
        }
    }
}
