// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;
using GpuSvm.Linux.Interop;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Linux.Tests;

/// <summary>The whole of Core over real memory, driven fault by fault. The test's own touches of the heap are ordinary P/Invokes (rule 1).</summary>
public sealed class RealMachineTests : IDisposable
{
    private readonly HostAddressSpace _host;
    private readonly SoftwareGpuDevice _device;
    private readonly GpuVm _vm;
    private readonly AddressRange _memory;

    /// <summary>Builds the machine.</summary>
    public RealMachineTests()
    {
        _host = new HostAddressSpace(RealMemory.Open());
        _device = new SoftwareGpuDevice(new SoftwareGpuOptions { MemoryBytes = 16 << 20, ComputeUnits = 1 });
        _vm = new GpuVm(_host, _device, new GpuVmOptions { Thrash = new BackOffThrash(quietMicroseconds: 0) });
        Assert.Equal(SvmStatus.Done, _host.Allocate(32 << 20, out _memory));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Assert.Empty(InvariantChecker.Check(_vm));
        Assert.Equal(SvmStatus.Done, _host.Free(_memory));
        _vm.Dispose();
        Assert.Equal(_device.Memory.Pages, _device.Memory.FreePages);
        Assert.Equal(0, _device.DmaMapper.LivePages);
        _device.Dispose();
        _host.Dispose();
    }

    [Fact]
    public void AWarmFaultPathAllocatesNothing()
    {
        bool served = true;
        for (int warm = 0; warm < 20; warm++)
            served &= RoundTrip();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
            served &= RoundTrip();
        long bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(served);
        Assert.True(bytes == 0, $"{bytes} bytes were allocated by 200 faults.");
    }

    [Fact]
    public void BytesTravelThereAndBackThroughEvictionAtTwiceTheDeviceMemory()
    {
        var value = new byte[8];
        for (long at = 0; at < _memory.Bytes; at += PageSize.Bytes)
            RealMemory.CpuWrite(_memory.Start + at, BitConverter.GetBytes(at));
        for (int pass = 0; pass < 2; pass++)
        {
            for (long at = 0; at < _memory.Bytes; at += PageSize.HugeBytes)
                Assert.Equal(SvmStatus.Done, Fault(_memory.Start + at));
        }

        Assert.True(_vm.Pagemap.Counters.Evictions > 0);
        for (long at = 0; at < _memory.Bytes; at += PageSize.Bytes)
        {
            RealMemory.CpuRead(_memory.Start + at, value);
            Assert.Equal(at, BitConverter.ToInt64(value));
        }
    }

    /// <summary>R-8: nobody hears of it, so the fault that meets it has it told.</summary>
    [Fact]
    public void TheNextFaultTellsTheDeviceOfARightThatIsGone()
    {
        VirtualAddress page = _memory.Start;
        RealMemory.CpuWrite(page, [7]);
        Assert.Equal(SvmStatus.Done, Fault(page));
        Assert.True(_vm.PageTable.Lookup(page).IsWritable);
        Protect(LinuxConstants.PROT_READ);
        Assert.Equal(SvmStatus.ReadOnly, Fault(page));
        Assert.False(_vm.PageTable.Lookup(page).IsWritable);
        Assert.Equal(SvmStatus.Done, Fault(page, MemoryAccess.Read));
        Protect(LinuxConstants.PROT_NONE);
        Assert.Equal(SvmStatus.NotMapped, Fault(page, MemoryAccess.Read));
        Assert.False(_vm.PageTable.Lookup(page).IsPresent);
        Protect(LinuxConstants.PROT_READ | LinuxConstants.PROT_WRITE);
        Assert.Equal(SvmStatus.Done, Fault(page));
        Assert.True(_vm.PageTable.Lookup(page).IsWritable);
    }

    private void Protect(int rights) => Assert.Equal(0, Libc.mprotect((nint)_memory.Start.Value, (nuint)_memory.Bytes, rights));

    private bool RoundTrip() => Fault(_memory.Start) == SvmStatus.Done && _host.CpuFault(_memory.Start, MemoryAccess.Write) == SvmStatus.Done;

    private SvmStatus Fault(VirtualAddress address, MemoryAccess access = MemoryAccess.Write) => _vm.FaultHandler.Handle(new GpuFault(address, access, _vm.AddressSpaceId, 0, 0));
}
