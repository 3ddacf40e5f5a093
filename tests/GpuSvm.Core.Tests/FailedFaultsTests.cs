// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Faults;
using GpuSvm.Core.Vm;

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

    [Fact]
    public void AVmThatComesIsServedAndOneThatHasGoneIsNot()
    {
        using var machine = new Machine(checksSteps: false);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        var buffer = new Buffer();
        using var service = new FaultService(buffer, machine.Vm, 1);
        using (var other = new GpuVm(machine.Host, machine.Device, new GpuVmOptions()))
        {
            var fault = new GpuFault(memory.Start, MemoryAccess.Read, other.AddressSpaceId, 1, System.Diagnostics.Stopwatch.GetTimestamp());
            Assert.Equal(SvmStatus.NotMapped, Serve(fault));
            service.Add(other, 0);
            Assert.Equal(SvmStatus.Done, Serve(fault));
            Assert.Equal(1, other.Counters.Faults);
            service.Remove(other);
            Assert.Equal(SvmStatus.NotMapped, Serve(fault));
            Assert.Throws<ArgumentException>(() => service.Remove(other));
            Assert.Throws<ArgumentException>(() => service.Remove(machine.Vm)); // It began with that one.
            Assert.Equal(1, other.Counters.Faults);
        }

        Assert.Equal(2, machine.Vm.FailedFaults.Take(stackalloc FailedFault[4], out _)); // Somebody is told of faults of nobody.
        machine.Check();

        SvmStatus Serve(GpuFault fault)
        {
            service.Serve(fault);
            return buffer.Last;
        }
    }

    /// <summary>Whoever removes a VM while its faults are served comes back when they are: none of it is touched any more.</summary>
    [Fact]
    public void VmsComeAndGoWhileOthersFault()
    {
        using var machine = new Machine(checksSteps: false);
        AddressRange memory = machine.Allocate(PageSize.HugeBytes);
        using var service = new FaultService(new Buffer(), machine.Vm, 1);
        bool stop = false;
        int space = 0; // Of the VM that there is now.
        var faulting = new Thread(() =>
        {
            while (!Volatile.Read(ref stop))
                service.Serve(new GpuFault(memory.Start, MemoryAccess.Read, Volatile.Read(ref space), 1, System.Diagnostics.Stopwatch.GetTimestamp()));
        });
        faulting.Start();
        long served = 0;
        for (int round = 0; round < 200; round++)
        {
            using var other = new GpuVm(machine.Host, machine.Device, new GpuVmOptions());
            service.Add(other, 0);
            Volatile.Write(ref space, other.AddressSpaceId);
            Assert.True(SpinWait.SpinUntil(() => other.Counters.Faults > 0, 10_000), "its faults are not served");
            service.Remove(other);
            long atEnd = other.Counters.Faults;
            Thread.Yield();
            Assert.Equal(atEnd, other.Counters.Faults);
            served += atEnd;
        }

        Volatile.Write(ref stop, true);
        faulting.Join();
        Assert.True(served >= 200);
        machine.Check();
    }

    /// <summary>A buffer that stays empty.</summary>
    private sealed class Buffer : IFaultBuffer
    {
        private readonly object _gate = new();
        private bool _closed; // Guarded by _gate.

        /// <summary>How many faults were acknowledged.</summary>
        public int Acknowledged { get; private set; }

        /// <summary>What the last of them came to.</summary>
        public SvmStatus Last { get; private set; }

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
        public void Acknowledge(in GpuFault fault, SvmStatus status) => (Acknowledged, Last) = (Acknowledged + 1, status);

        /// <inheritdoc/>
        public void Requeue(in GpuFault fault) => Acknowledge(fault, SvmStatus.Retry);

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
