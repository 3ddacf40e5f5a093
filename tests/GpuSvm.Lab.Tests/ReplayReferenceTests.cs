// SPDX-License-Identifier: MIT
using CsCheck;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Vm;
using GpuSvm.Lab.Replay;
using GpuSvm.Simulation;
using GpuSvm.SoftwareGpu;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Tests;

/// <summary>
/// A replay against a machine without any of its short cuts: every access asks the page table or goes through the simulated memory, and the software GPU copies bytes. Faults and bytes must be the same for
/// random programs of CPU threads and a device.
/// </summary>
public sealed class ReplayReferenceTests
{
    private const int Pages = 96;
    private static readonly VirtualAddress _start = new(0x2000_0000_0000 + (500 << PageSize.Shift)); // Over a boundary of 2 MiB.

    private static readonly Gen<TraceAccess[]> _programs = Gen.Select(Gen.Int[0, Pages - 1], Gen.Enum<MemoryAccess>(), Gen.Int[0, 2], Gen.Int[1, 3 * PageSize.Bytes], Gen.Int[1, 6]).Array[1, 120].Select(runs =>
        runs.SelectMany(run =>
        {
            (int page, MemoryAccess kind, int who, int bytes, int length) = run;
            TraceAgent agent = who == 0 ? TraceAgent.Cpu() : TraceAgent.Device();
            return Enumerable.Range(page, Math.Min(length, Pages - page)).Select(
                at => new TraceAccess(_start + ((long)at << PageSize.Shift), Math.Min(bytes, (Pages - at) << PageSize.Shift), kind, agent));
        }).ToArray());

    public static TheoryData<string, string, string, int> Machines { get; } = new(
        from chunk in ReplayPolicies.ChunkNames
        from prefetch in ReplayPolicies.PrefetchNames
        from evict in new[] { "fifo", "random" }
        select (chunk, prefetch, evict, evict == "fifo" ? 40 : 72));

    [Theory]
    [MemberData(nameof(Machines))]
    public void AReplayFaultsAndMovesAsAMachineWithoutShortCuts(string chunk, string prefetch, string evict, int devicePages)
    {
        var policies = new ReplayPolicies { Chunk = chunk, Prefetch = prefetch, Evict = evict, Thrash = "none" };
        _programs.Sample(program => Assert.Equal(Reference(program, policies, devicePages), Replayed(program, policies, devicePages)), iter: 6, threads: 1);
    }

    /// <summary>Faults of the device, bytes to it, bytes to RAM.</summary>
    private static (long Faults, long In, long Out) Replayed(TraceAccess[] program, ReplayPolicies policies, int devicePages)
    {
        using var machine = new ReplayMachine(new ReplayOptions { DeviceMemoryBytes = [devicePages * PageSize.Bytes], FootprintBytes = Pages << PageSize.Shift, Vm = policies.Create() });
        machine.Mapping(new TraceMapping(AddressRange.OfPages(_start, Pages), false));
        foreach (TraceAccess access in program)
            machine.Access(access);
        ReplayResult result = machine.Result();
        Assert.Equal(0, result.FailedAccesses);
        return (result.DeviceFaults, result.BytesToDevice, result.BytesToHost);
    }

    /// <summary>The same by asking for every page of every access.</summary>
    private static (long Faults, long In, long Out) Reference(TraceAccess[] program, ReplayPolicies policies, int devicePages)
    {
        using var device = new SoftwareGpuDevice(new SoftwareGpuOptions { MemoryBytes = devicePages * PageSize.Bytes, ComputeUnits = 1 });
        var memory = new SimulatedHostMemory(new SimulatedHostOptions { Frames = 2048 });
        using var host = new HostAddressSpace(memory);
        using var vm = new GpuVm(host, device, policies.Create());
        Assert.Equal(SvmStatus.Done, memory.Map(_start, Pages << PageSize.Shift));
        long faults = 0;
        foreach (TraceAccess access in program)
        {
            for (ulong page = access.Address.PageNumber; page <= (access.Address + (access.Bytes - 1)).PageNumber; page++)
                faults += access.Agent.IsDevice ? AsDevice(vm, VirtualAddress.OfPage(page), access.Kind) : AsCpu(memory, VirtualAddress.OfPage(page), access.Kind);
        }

        return (faults, vm.Pagemap.Counters.BytesToDevice, vm.Pagemap.Counters.BytesToRam);
    }

    /// <summary>An access of the device.</summary>
    /// <returns>1 for a fault.</returns>
    private static int AsDevice(GpuVm vm, VirtualAddress address, MemoryAccess kind)
    {
        DeviceAddress found = vm.PageTable.Lookup(address);
        if (found.IsPresent && (kind == MemoryAccess.Read || (kind == MemoryAccess.Write ? found.IsWritable : found.AllowsAtomics)))
            return 0;
        Assert.Equal(SvmStatus.Done, vm.FaultHandler.Handle(new GpuFault(address, kind, vm.AddressSpaceId, 0, 0)));
        return 1;
    }

    /// <summary>An access of a CPU thread.</summary>
    /// <returns>0.</returns>
    private static int AsCpu(SimulatedHostMemory memory, VirtualAddress address, MemoryAccess kind)
    {
        Span<byte> one = stackalloc byte[1];
        Assert.Equal(SvmStatus.Done, kind == MemoryAccess.Read ? memory.CpuRead(address, one) : memory.CpuWrite(address, one));
        return 0;
    }
}
