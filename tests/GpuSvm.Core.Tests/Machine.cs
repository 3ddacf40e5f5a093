// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Core.Tests;

/// <summary>A whole simulated machine: memory, address space, software GPU, VM. GPU accesses are made by the test itself, through the page table.</summary>
/// <remarks>Every step checks first that the one before, whoever made it, has left no invariant broken. While an interleaving is forced, or another step is under way, nothing stands
/// still, so the check is left to the next step.</remarks>
internal sealed unsafe class Machine : IDisposable
{
    private readonly List<AddressRange> _allocations = [];
    private readonly Lock _gate = new();
    private readonly bool _checksSteps;
    private int _steps; // Under way. Guarded by _gate.

    /// <summary>Builds the machine.</summary>
    /// <param name="devicePages">Device memory in pages.</param>
    /// <param name="host">Options of the simulated memory.</param>
    /// <param name="vm">Options of the VM.</param>
    /// <param name="time">The clock; null for the system's.</param>
    /// <param name="checksSteps">False where threads touch the memory past this class, or where there are very many steps; they check by themselves.</param>
    /// <param name="iommuBytes">Device addresses, if the device stands behind an IOMMU.</param>
    public Machine(
        int devicePages = 4096, SimulatedHostOptions? host = null, GpuVmOptions? vm = null, TimeProvider? time = null, bool checksSteps = true, long iommuBytes = 0)
    {
        _checksSteps = checksSteps;
        Memory = new SimulatedHostMemory(host ?? new SimulatedHostOptions());
        Host = new HostAddressSpace(Memory, time);
        Device = new SoftwareGpuDevice(new SoftwareGpuOptions { MemoryBytes = (long)devicePages * PageSize.Bytes, ComputeUnits = 1, IommuBytes = iommuBytes });
        Vm = new GpuVm(Host, Device, Alone(vm ?? new GpuVmOptions { Placement = new AlwaysMigrate() }));
    }

    /// <summary>The memory.</summary>
    public SimulatedHostMemory Memory { get; }

    /// <summary>The address space.</summary>
    public HostAddressSpace Host { get; }

    /// <summary>The device.</summary>
    public SoftwareGpuDevice Device { get; }

    /// <summary>The VM.</summary>
    public GpuVm Vm { get; }

    /// <summary>VMs of other devices over the same address space.</summary>
    public List<GpuVm> Peers { get; } = [];

    /// <summary>Allocates shared memory.</summary>
    /// <param name="bytes">Its size.</param>
    /// <returns>Its interval.</returns>
    public AddressRange Allocate(long bytes)
    {
        using Step step = Begin();
        Assert.Equal(SvmStatus.Done, Host.Allocate(bytes, out AddressRange interval));
        _allocations.Add(interval);
        return interval;
    }

    /// <summary>Frees shared memory and collects its ranges.</summary>
    /// <param name="interval">Its interval.</param>
    public void Free(AddressRange interval)
    {
        using Step step = Begin();
        Assert.Equal(SvmStatus.Done, Host.Free(interval));
        _allocations.Remove(interval);
        Vm.Collect();
    }

    /// <summary>Has a fault served.</summary>
    /// <param name="address">The address.</param>
    /// <param name="access">The access.</param>
    /// <returns>What became of it.</returns>
    public SvmStatus Fault(VirtualAddress address, MemoryAccess access = MemoryAccess.Write)
    {
        using Step step = Begin();
        return Vm.FaultHandler.Handle(new GpuFault(address, access, Vm.AddressSpaceId, 0, 0));
    }

    /// <summary>Writes as the GPU: translate, fault, replay. One thread only, with no event in between.</summary>
    /// <param name="address">The first byte.</param>
    /// <param name="source">The bytes.</param>
    /// <returns>The status of the first fault that failed, or done.</returns>
    public SvmStatus GpuWrite(VirtualAddress address, ReadOnlySpan<byte> source)
    {
        using Step step = Begin();
        while (!source.IsEmpty)
        {
            SvmStatus status = Translate(address, MemoryAccess.Write, out Span<byte> bytes);
            if (status != SvmStatus.Done)
                return status;
            int run = Math.Min(bytes.Length, source.Length);
            source[..run].CopyTo(bytes);
            source = source[run..];
            address += run;
        }

        return SvmStatus.Done;
    }

    /// <summary>Reads as the GPU.</summary>
    /// <param name="address">The first byte.</param>
    /// <param name="destination">Where to.</param>
    /// <returns>As <see cref="GpuWrite"/>.</returns>
    public SvmStatus GpuRead(VirtualAddress address, Span<byte> destination)
    {
        using Step step = Begin();
        while (!destination.IsEmpty)
        {
            SvmStatus status = Translate(address, MemoryAccess.Read, out Span<byte> bytes);
            if (status != SvmStatus.Done)
                return status;
            int run = Math.Min(bytes.Length, destination.Length);
            bytes[..run].CopyTo(destination);
            destination = destination[run..];
            address += run;
        }

        return SvmStatus.Done;
    }

    /// <summary>Writes as the CPU.</summary>
    /// <param name="address">The address.</param>
    /// <param name="value">The value.</param>
    public void CpuStore(VirtualAddress address, long value)
    {
        using Step step = Begin();
        Assert.Equal(SvmStatus.Done, Memory.CpuWrite(address, MemoryMarshal.AsBytes(new ReadOnlySpan<long>(in value))));
    }

    /// <summary>Reads as the CPU.</summary>
    /// <param name="address">The address.</param>
    /// <returns>The value.</returns>
    public long CpuLoad(VirtualAddress address)
    {
        using Step step = Begin();
        long value = 0;
        Assert.Equal(SvmStatus.Done, Memory.CpuRead(address, MemoryMarshal.AsBytes(new Span<long>(ref value))));
        return value;
    }

    /// <summary>Writes as the GPU.</summary>
    /// <param name="address">The address.</param>
    /// <param name="value">The value.</param>
    public void GpuStore(VirtualAddress address, long value) =>
        Assert.Equal(SvmStatus.Done, GpuWrite(address, MemoryMarshal.AsBytes(new ReadOnlySpan<long>(in value))));

    /// <summary>Reads as the GPU.</summary>
    /// <param name="address">The address.</param>
    /// <returns>The value.</returns>
    public long GpuLoad(VirtualAddress address)
    {
        long value = 0;
        Assert.Equal(SvmStatus.Done, GpuRead(address, MemoryMarshal.AsBytes(new Span<long>(ref value))));
        return value;
    }

    /// <summary>Whether a page's bytes are on the device.</summary>
    /// <param name="address">The page.</param>
    /// <returns>True if they are.</returns>
    public bool IsOnDevice(VirtualAddress address)
    {
        var entry = new PageEntry[1];
        Host.ReadEntries(AddressRange.OfPages(address.AlignDown(PageOrder.Small), 1), entry);
        return entry[0].IsDevice;
    }

    /// <summary>Asserts that no invariant is broken.</summary>
    public void Check() => AssertHold(InvariantChecker.Check([Vm, .. Peers]));

    /// <summary>Fails with everything that a check found.</summary>
    /// <param name="violations">What it found.</param>
    public static void AssertHold(IReadOnlyList<string> violations) => Assert.True(violations.Count == 0, string.Join(Environment.NewLine, violations));

    /// <summary>Checks, tears the machine down, and asserts that nothing leaked: no frame, no staging block, no device memory, no DMA mapping.</summary>
    public void Dispose()
    {
        SchedulePoint.Install(null);
        Check();
        foreach (AddressRange interval in _allocations.ToArray())
            Free(interval);
        Vm.Dispose();
        Assert.Equal(Device.Memory.Pages, Device.Memory.FreePages);
        Assert.Equal(0, Device.DmaMapper.LivePages);
        Assert.Equal(Device.Iommu?.Pages, Device.Iommu?.FreePages);
        Assert.Equal(0, Host.AwayPages);
        Memory.VerifyNoLeaks();
        Device.Dispose();
        Host.Dispose();
        Assert.Equal(0, LockOrder.HeldCount);
    }

    /// <summary>Options under which a placement policy of the tests' own decides alone: no thrash control beside it.</summary>
    /// <param name="options">The options.</param>
    /// <returns>The options, without thrash control unless first touch places.</returns>
    internal static GpuVmOptions Alone(GpuVmOptions options) => options.Placement is FirstTouchPlacement ? options : options with { Thrash = null };

    /// <summary>Begins a step: checks what the one before has left, if everything stands still.</summary>
    /// <returns>The step; others begin theirs when no check is running.</returns>
    private Step Begin()
    {
        lock (_gate)
        {
            if (_steps == 0 && _checksSteps && !SchedulePoint.HasHook && LockOrder.HeldCount == 0 && Host.IsAlive)
                AssertHold(InvariantChecker.Check([Vm, .. Peers], collects: false));
            _steps++;
        }

        return new Step(this);
    }

    /// <summary>Ends a step.</summary>
    private void End()
    {
        lock (_gate)
            _steps--;
    }

    /// <summary>A step under way.</summary>
    /// <param name="machine">The machine.</param>
    private readonly ref struct Step(Machine machine)
    {
        private readonly Machine _machine = machine;

        /// <summary>Ends it.</summary>
        public void Dispose() => _machine.End();
    }

    /// <summary>Translates an address, faulting where needed.</summary>
    /// <param name="address">The address.</param>
    /// <param name="access">The access.</param>
    /// <param name="bytes">The bytes from there to the page's end.</param>
    /// <returns>The fault's status.</returns>
    private SvmStatus Translate(VirtualAddress address, MemoryAccess access, out Span<byte> bytes)
    {
        bytes = default;
        for (int attempt = 0; attempt < 100; attempt++)
        {
            DeviceAddress entry = Vm.PageTable.Lookup(address);
            if (entry.IsPresent && (access == MemoryAccess.Read || entry.IsWritable))
            {
                nint page = entry.Protocol == AddressProtocol.LocalMemory
                    ? ((SoftwareGpuMemory)Device.Memory).BasePointer + (nint)entry.Address
                    : Device.Iommu?.PointerOf(entry.Address).Value ?? (nint)entry.Address;
                int offset = (int)(address.Value & (PageSize.Bytes - 1));
                bytes = new Span<byte>((byte*)page + offset, PageSize.Bytes - offset); // SAFETY: a translation just looked up; the test is its only user.
                return SvmStatus.Done;
            }

            SvmStatus status = Vm.FaultHandler.Handle(new GpuFault(address, access, Vm.AddressSpaceId, 0, 0));
            if (status != SvmStatus.Done)
                return status;
        }

        return SvmStatus.TimedOut;
    }

    /// <summary>Moves everything on every touch: no back-off, so that tests are deterministic.</summary>
    internal sealed class AlwaysMigrate : IPlacementPolicy
    {
        /// <inheritdoc/>
        public bool ShouldMigrate(in PlacementFacts facts) => facts.IsMigratable;
    }
}
