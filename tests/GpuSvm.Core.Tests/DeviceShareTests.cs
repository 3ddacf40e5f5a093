// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Core.Tests;

/// <summary>Device memory that is kept free, and memory that is kept for one VM.</summary>
public sealed class DeviceShareTests
{
    private const int Blocks = 4; // Of 2 MiB on the device.

    [Fact]
    public void SomeMemoryIsKeptFreeAndNoByteIsLost()
    {
        using var machine = new Machine(
            devicePages: 2048, vm: new GpuVmOptions { Placement = new Machine.AlwaysMigrate(), KeepFreeBytes = 2L * PageSize.HugeBytes }, checksSteps: false);
        AddressRange memory = machine.Allocate(10L * PageSize.HugeBytes);
        for (int i = 0; i < 10; i++)
            machine.GpuStore(memory.Start + ((long)i * PageSize.HugeBytes), i);
        Assert.True(
            SpinWait.SpinUntil(() => machine.Device.Memory.FreePages >= PageSize.PagesPerHuge, 10_000), $"{machine.Device.Memory.FreePages} pages are free");
        Assert.True(machine.Vm.Devices[0].Ahead!.Evictions > 0);
        for (int i = 0; i < 10; i++)
            Assert.Equal(i, machine.CpuLoad(memory.Start + ((long)i * PageSize.HugeBytes)));
    }

    /// <summary>What one VM has reserved the other leaves free, and where it has it already it gives it back.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void WhatIsReservedIsThereWhoeverIsFirst(bool greedyIsFirst)
    {
        using var device = new SoftwareGpuDevice(new SoftwareGpuOptions { MemoryBytes = (long)Blocks * PageSize.HugeBytes, ComputeUnits = 1 });
        using var one = new Side(device, 0, keeps: greedyIsFirst ? 0 : 2);
        if (greedyIsFirst)
            Assert.Equal(Blocks, one.Touch(Blocks + 2)); // It has the whole device.
        using var two = new Side(device, 0, keeps: greedyIsFirst ? 2 : 0);
        Side reserving = greedyIsFirst ? two : one;
        Side greedy = greedyIsFirst ? one : two;
        greedy.Touch(Blocks + 2);
        Assert.Equal(2, reserving.Touch(2));
        Assert.Equal(2, greedy.Touch(Blocks + 2)); // It goes on with what is left,
        Assert.Equal(2, reserving.Blocks()); // and takes nothing of what is reserved.
        greedy.AssertHolds();
        reserving.AssertHolds();
    }

    [Fact]
    public void WithoutAReservationTheLaterOneHasToDoWithRam()
    {
        using var device = new SoftwareGpuDevice(new SoftwareGpuOptions { MemoryBytes = (long)Blocks * PageSize.HugeBytes, ComputeUnits = 1 });
        using var first = new Side(device, 0, keeps: 0);
        Assert.Equal(Blocks, first.Touch(Blocks));
        using var second = new Side(device, 0, keeps: 0);
        Assert.Equal(0, second.Touch(2)); // Served all the same.
        second.AssertHolds();
        Assert.Equal(Blocks, first.Blocks());
    }

    [Fact]
    public void MoreThanThereIsCannotBeReserved()
    {
        using var device = new SoftwareGpuDevice(new SoftwareGpuOptions { MemoryBytes = (long)Blocks * PageSize.HugeBytes, ComputeUnits = 1 });
        using (var first = new Side(device, 0, keeps: 3))
        {
            ArgumentException refused = Assert.Throws<ArgumentException>(() => new Side(device, 0, keeps: 2));
            Assert.Contains("reserved", refused.Message, StringComparison.Ordinal);
        }

        using var later = new Side(device, 0, keeps: Blocks); // What was reserved is free again.
    }

    /// <summary>A process with a VM on the device.</summary>
    private sealed class Side : IDisposable
    {
        private readonly HostAddressSpace _host;
        private readonly SimulatedHostMemory _memory = new();
        private readonly GpuVm _vm;
        private readonly AddressRange _all;
        private int _touched;

        /// <summary>Makes it.</summary>
        public Side(SoftwareGpuDevice device, int index, int keeps)
        {
            _host = new HostAddressSpace(_memory);
            _vm = new GpuVm(_host, device, new GpuVmOptions { Placement = new Machine.AlwaysMigrate(), ReservedBytes = (long)keeps * PageSize.HugeBytes });
            Assert.Equal(SvmStatus.Done, _host.Allocate(16L * PageSize.HugeBytes, out _all));
            _touched = index;
        }

        /// <summary>Touches blocks as the CPU and as the device.</summary>
        /// <returns>How many blocks it has on the device then.</returns>
        public int Touch(int blocks)
        {
            for (int i = 0; i < blocks; i++)
            {
                VirtualAddress at = _all.Start + ((long)i * PageSize.HugeBytes);
                if (i >= _touched)
                    Assert.Equal(SvmStatus.Done, _memory.CpuWrite(at, BitConverter.GetBytes((long)i)));
                Assert.Equal(SvmStatus.Done, _vm.FaultHandler.Handle(new GpuFault(at, MemoryAccess.Read, _vm.AddressSpaceId, 0, 0)));
                Machine.AssertHold(Diagnostics.InvariantChecker.Check(_vm));
            }

            _touched = Math.Max(_touched, blocks);
            return Blocks();
        }

        /// <summary>How many blocks it has on the device.</summary>
        public int Blocks() => _vm.Pagemap.UsedPages / PageSize.PagesPerHuge;

        /// <summary>Asserts that every block holds its number.</summary>
        public void AssertHolds()
        {
            byte[] bytes = new byte[8];
            for (int i = 0; i < _touched; i++)
            {
                Assert.Equal(SvmStatus.Done, _memory.CpuRead(_all.Start + ((long)i * PageSize.HugeBytes), bytes));
                Assert.Equal(i, BitConverter.ToInt64(bytes));
            }
        }

        /// <summary>Ends it.</summary>
        public void Dispose()
        {
            _vm.Dispose();
            _host.Dispose();
        }
    }
}
