// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Faults;
using GpuSvm.Core.Vm;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Core.Tests;

/// <summary>Faults that a device raises ahead of need, and the turns of VMs that share a device.</summary>
public sealed unsafe class PrefetchFaultTests
{
    private const int Blocks = 8;

    /// <summary>Every other block is there when the unit comes to it: at the end of each that it had to wait for it has asked for the next.</summary>
    [Fact]
    public void AUnitThatReadsInOrderFindsTheNextPieceThere()
    {
        using var machine = new KernelMachine(devices: 1, devicePages: 2 * Blocks * PageSize.PagesPerHuge, placement: new Machine.AlwaysMigrate(), units: 1, prefetchFaults: true);
        AddressRange memory = machine.Allocate((long)Blocks * PageSize.HugeBytes);
        PeerKernels.Counters* arguments = machine.Arguments(new PeerKernels.Counters { Address = memory.Start.Value, Times = Blocks });
        KernelMachine.Wait(machine.Start(0, &WriteInOrder, arguments));
        VmCounters counters = machine.Vms[0].Counters;
        Assert.InRange(counters.Faults, 1, Blocks - 1);
        Assert.InRange(counters.PrefetchFaults, 1, Blocks);
        Assert.Equal(0, counters.Failed); // Behind the last block there may be nothing: no launch fails by that,
        Assert.Equal(0, machine.Vms[0].FailedFaults.Take(stackalloc FailedFault[4], out _)); // and no list tells it.
        for (int i = 0; i < Blocks; i++)
            Assert.Equal(i + 1, machine.Load(memory.Start + ((long)i * PageSize.HugeBytes)));
        machine.Check();
    }

    [Fact]
    public void VmsOfOneDeviceHaveTheirTurns()
    {
        using var machine = new Machine(checksSteps: false);
        using var other = new GpuVm(machine.Host, machine.Device, new GpuVmOptions { Placement = new Machine.AlwaysMigrate() });
        AddressRange memory = machine.Allocate(8L * PageSize.HugeBytes);
        int a = machine.Vm.AddressSpaceId;
        int b = other.AddressSpaceId;
        GpuFault[] batch =
        [
            Fault(0, a), Fault(1, a), Fault(2, a), Fault(3, a) with { IsPrefetch = true }, Fault(4, a), Fault(5, b), Fault(6, b), Fault(7, 99),
        ];
        var buffer = new Order(batch);
        new FaultService(buffer, [machine.Vm, other], [0, 0], threads: 1).Dispose();
        Assert.Equal([0, 5, 1, 6, 2, 7, 4, 3], buffer.Tokens); // The one with many does not keep the others waiting; what nobody waits for is last.
        Assert.Equal([.. Enumerable.Repeat(SvmStatus.Done, 5), SvmStatus.NotMapped, SvmStatus.Done, SvmStatus.Done], buffer.Statuses);
        Assert.Equal((4, 1, 2), (machine.Vm.Counters.Faults, machine.Vm.Counters.PrefetchFaults, other.Counters.Faults));
        machine.Check();

        GpuFault Fault(int token, int space) => new(memory.Start + ((long)token * PageSize.HugeBytes), MemoryAccess.Write, space, token, System.Diagnostics.Stopwatch.GetTimestamp());
    }

    /// <summary>Writes the block's number and one into the first word of each block of 2 MiB, and gives the fault service time between them.</summary>
    [UnmanagedCallersOnly]
    private static void WriteInOrder(SoftwareGpuKernelContext* context, void* arguments)
    {
        var counters = (PeerKernels.Counters*)arguments;
        for (long i = 0; i < counters->Times; i++)
        {
            long value = i + 1;
            if (context->Functions->Write(context, counters->Address + ((ulong)i * PageSize.HugeBytes), &value, 8) != 0)
                return;
            context->Functions->Yield(context);
            Thread.Sleep(20);
        }
    }

    /// <summary>A buffer of one batch that notes in which order it is acknowledged.</summary>
    /// <param name="batch">The faults.</param>
    private sealed class Order(GpuFault[] batch) : IFaultBuffer
    {
        private bool _isFetched;

        /// <summary>The tokens in the order of acknowledgement.</summary>
        public List<int> Tokens { get; } = [];

        /// <summary>With what each was.</summary>
        public List<SvmStatus> Statuses { get; } = [];

        /// <inheritdoc/>
        public int Fetch(Span<GpuFault> faults)
        {
            if (_isFetched)
                return 0;
            _isFetched = true;
            batch.CopyTo(faults);
            return batch.Length;
        }

        /// <inheritdoc/>
        public void Acknowledge(in GpuFault fault, SvmStatus status)
        {
            Tokens.Add(fault.Token);
            Statuses.Add(status);
        }

        /// <inheritdoc/>
        public void Requeue(in GpuFault fault) => throw new InvalidOperationException("Nothing was overtaken.");

        /// <inheritdoc/>
        public void Close()
        {
        }
    }
}
