// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Vm;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Core.Tests;

/// <summary>One run of a scenario in which something may fail on purpose: does step after step, each again if the failure came through, and keeps what every byte must be.</summary>
internal sealed unsafe class InjectedRun(params InjectionPoint[] armed)
{
    private readonly Dictionary<ulong, byte[]> _pages = []; // What was written, by page; the others are zeroes.

    /// <summary>Hits of the last armed point before and after the step in which the first one failed; none if it has not.</summary>
    public (long Before, long After) Failing { get; private set; }

    /// <summary>Does a step. A failure must be an injected one, and once nothing more is injected the step must succeed.</summary>
    /// <param name="name">The step, for the message.</param>
    /// <param name="step">What to do.</param>
    /// <param name="isDone">What must hold where it says that it is done; null for nothing.</param>
    public void Try(string name, Func<SvmStatus> step, Func<bool>? isDone = null)
    {
        long before = armed.Length == 0 ? 0 : Injection.Hits(armed[^1]);
        int start = Waiting();
        SvmStatus status = SvmStatus.Retry;
        for (int left = -1; status != SvmStatus.Done;)
        {
            left = left < 0 ? start : Waiting();
            status = step();
            if (status != SvmStatus.Done && Waiting() == left)
                Assert.Fail($"{name}: {status}, and nothing was injected into it");
        }

        if (isDone is not null)
            Assert.True(isDone(), $"{name}: said done and is not");
        if (Waiting() < start && Failing == default)
            Failing = (before, Injection.Hits(armed[^1]));
    }

    /// <summary>Makes something that throws where a device cannot be had; at once again if that was injected.</summary>
    public T Make<T>(string name, Func<T> make)
        where T : class
    {
        T? made = null;
        Try(name, () =>
        {
            try
            {
                made = make();
                return SvmStatus.Done;
            }
            catch (DeviceUnavailableException exception)
            {
                return exception.Status;
            }
        });
        return made!;
    }

    /// <summary>Maps fresh memory.</summary>
    public AddressRange Allocate(Machine machine, int pages)
    {
        AddressRange interval = default;
        Try("allocate", () => machine.Host.Allocate((long)pages * PageSize.Bytes, out interval), () => interval.Pages == pages);
        return interval;
    }

    /// <summary>Frees memory; a model page of it must not be written before it is mapped again.</summary>
    public void Free(Machine machine, AddressRange interval)
    {
        Try("free", () => machine.Host.Free(interval), () => !machine.Host.TryFindMapping(interval.Start, out HostMapping mapping) || !mapping.Interval.Overlaps(interval));
        Forget(interval);
        machine.Vm.Collect();
    }

    /// <summary>The program maps memory itself.</summary>
    public AddressRange Map(Machine machine, int number, int pages)
    {
        AddressRange interval = AddressRange.OfPages(new VirtualAddress(0x2000_0000_0000UL + ((ulong)number << 24)), pages);
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(interval.Start, interval.Bytes));
        Forget(interval);
        return interval;
    }

    /// <summary>Pages are zeroes from now on.</summary>
    public void Forget(AddressRange interval)
    {
        foreach (ulong page in _pages.Keys.Where(page => interval.Contains(new VirtualAddress(page))).ToArray())
            _pages.Remove(page);
    }

    /// <summary>Pages have another address from now on.</summary>
    public void Move(AddressRange from, VirtualAddress to)
    {
        Forget(AddressRange.OfBytes(to, from.Bytes));
        foreach (ulong page in _pages.Keys.Where(page => from.Contains(new VirtualAddress(page))).ToArray())
        {
            _pages.Remove(page, out byte[]? bytes);
            _pages.Add(page - from.Start.Value + to.Value, bytes!);
        }
    }

    /// <summary>Writes as the CPU.</summary>
    public void CpuStore(Machine machine, VirtualAddress address, long value)
    {
        Try($"CPU store {address}", () => machine.Memory.CpuWrite(address, MemoryMarshal.AsBytes(new ReadOnlySpan<long>(in value))));
        Note(address, value);
    }

    /// <summary>Writes as a device, through its page table.</summary>
    public void GpuStore(GpuVm vm, VirtualAddress address, long value, int device = 0, VirtualAddress? shown = null)
    {
        *Translate(vm, device, shown ?? address, MemoryAccess.Write) = value;
        Note(address, value);
    }

    /// <summary>Adds as a device, atomically.</summary>
    public void GpuAdd(GpuVm vm, VirtualAddress address, long value, int device = 0)
    {
        *Translate(vm, device, address, MemoryAccess.Atomic) += value;
        Note(address, Expected(address) + value);
    }

    /// <summary>Reads as a device, and compares.</summary>
    public void GpuCheck(GpuVm vm, VirtualAddress address, int device = 0, VirtualAddress? shown = null) =>
        Assert.Equal(Expected(address), *Translate(vm, device, shown ?? address, MemoryAccess.Read));

    /// <summary>Compares every byte of an interval with what it must be, as the CPU reads it.</summary>
    public void Compare(Machine machine, AddressRange interval)
    {
        byte[] bytes = new byte[PageSize.Bytes];
        byte[] zeroes = new byte[PageSize.Bytes];
        for (VirtualAddress page = interval.Start; page < interval.End; page += PageSize.Bytes)
        {
            VirtualAddress at = page;
            Try($"CPU load {at}", () => machine.Memory.CpuRead(at, bytes));
            Assert.True(bytes.AsSpan().SequenceEqual(_pages.GetValueOrDefault(page.Value, zeroes)), $"the bytes of page {interval.PageIndexOf(page)} of {interval} are wrong");
        }
    }

    /// <summary>How many pages of an interval are on a device or exclusive.</summary>
    public static int Away(Machine machine, AddressRange interval, int pagemap = -1)
    {
        var entries = new PageEntry[(int)interval.Pages];
        machine.Host.ReadEntries(interval, entries);
        return entries.Count(entry => pagemap < 0 ? !entry.IsHost : entry.IsDevice && entry.Pagemap == pagemap);
    }

    /// <summary>A page of an interval.</summary>
    public static VirtualAddress At(AddressRange interval, int page) => interval.Start + ((long)page * PageSize.Bytes);

    /// <summary>A part of an interval.</summary>
    public static AddressRange Part(AddressRange interval, int page, int pages) => AddressRange.OfPages(At(interval, page), pages);

    private int Waiting() => armed.Distinct().Sum(Injection.Waiting);

    private void Note(VirtualAddress address, long value)
    {
        ulong page = address.AlignDown(PageOrder.Small).Value;
        if (!_pages.TryGetValue(page, out byte[]? bytes))
            _pages.Add(page, bytes = new byte[PageSize.Bytes]);
        MemoryMarshal.Write(bytes.AsSpan((int)(address.Value - page)), in value);
    }

    private long Expected(VirtualAddress address)
    {
        ulong page = address.AlignDown(PageOrder.Small).Value;
        return _pages.TryGetValue(page, out byte[]? bytes) ? MemoryMarshal.Read<long>(bytes.AsSpan((int)(address.Value - page))) : 0;
    }

    private long* Translate(GpuVm vm, int device, VirtualAddress address, MemoryAccess access)
    {
        DeviceAddress entry = default;
        bool IsUsable()
        {
            entry = vm.Devices[device].PageTable.Lookup(address);
            return entry.IsPresent && (access == MemoryAccess.Read || entry.IsWritable);
        }

        if (!IsUsable() || (access == MemoryAccess.Atomic && !entry.AllowsAtomics))
        {
            Try($"{access} fault {address}", () => vm.FaultHandler.Handle(new GpuFault(address, access, vm.Devices[device].AddressSpaceId, 0, 0), device), IsUsable);
        }

        var gpu = (SoftwareGpuDevice)vm.Devices[device].Device;
        nint page = entry.Protocol switch
        {
            AddressProtocol.LocalMemory => ((SoftwareGpuMemory)gpu.Memory).BasePointer + (nint)entry.Address,
            AddressProtocol.System when gpu.Iommu is { } iommu => iommu.PointerOf(entry.Address).Value,
            _ => (nint)entry.Address,
        };
        return (long*)(page + (nint)(address.Value & (PageSize.Bytes - 1))); // SAFETY: a translation just looked up; the test is its only user.
    }
}
