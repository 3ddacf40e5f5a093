// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation;

namespace GpuSvm.Core.Tests;

/// <summary>What an obvious machine would know: what is mapped, what may be written, every byte, and what each VM was advised.</summary>
internal sealed class DayModel
{
    private readonly HashSet<ulong> _readOnly = [];
    private readonly Dictionary<(int Vm, ulong Page), MemoryAdvice> _advice = [];

    /// <summary>The bytes.</summary>
    public ReferenceMemory Bytes { get; } = new();

    /// <summary>Whether a page is mapped.</summary>
    public bool IsMapped(VirtualAddress address) => Bytes.IsMapped(PageOf(address));

    /// <summary>Whether every page of an interval is mapped.</summary>
    public bool IsMapped(AddressRange interval) => Bytes.IsMapped(interval);

    /// <summary>Whether a page may be written, if it is mapped.</summary>
    public bool IsWritable(VirtualAddress address) => !_readOnly.Contains(address.PageNumber);

    /// <summary>What a VM was advised of a page.</summary>
    public MemoryAdvice Advice(int vm, VirtualAddress address) => _advice.GetValueOrDefault((vm, address.PageNumber));

    /// <summary>How an access of the program ends.</summary>
    public SvmStatus Expect(VirtualAddress address, bool isWrite) =>
        !IsMapped(address) ? SvmStatus.NotMapped : isWrite && !IsWritable(address) ? SvmStatus.ReadOnly : SvmStatus.Done;

    /// <summary>How a device's fault ends.</summary>
    public SvmStatus Expect(int vm, int device, VirtualAddress address, MemoryAccess access) =>
        IsDenied(vm, device, address, access) ? SvmStatus.AccessDenied : Expect(address, access != MemoryAccess.Read);

    /// <summary>Whether a device is denied an access.</summary>
    public bool IsDenied(int vm, int device, VirtualAddress address, MemoryAccess access)
    {
        MemoryAdvice advice = Advice(vm, address);
        return (advice.DeniedTo >> device & 1) != 0 || (access == MemoryAccess.Atomic && advice.Atomics == AtomicMode.System);
    }

    /// <summary>Fresh memory, that may be written.</summary>
    public void Map(AddressRange interval)
    {
        Bytes.Map(interval);
        Protect(interval, isWritable: true);
    }

    /// <summary>Memory that is gone.</summary>
    public void Unmap(AddressRange interval)
    {
        Bytes.Unmap(interval);
        Protect(interval, isWritable: true);
    }

    /// <summary>Pages, with what may be done with them, get other addresses; holes do not move.</summary>
    public void Move(AddressRange from, VirtualAddress to)
    {
        byte[] bytes = new byte[PageSize.Bytes];
        for (VirtualAddress at = from.Start; at < from.End; at += PageSize.Bytes, to += PageSize.Bytes)
        {
            if (!IsMapped(at))
                continue;
            bool isWritable = IsWritable(at);
            Bytes.Read(at, bytes);
            Unmap(PageOf(at));
            Map(PageOf(to));
            Bytes.Write(to, bytes);
            Protect(PageOf(to), isWritable);
        }
    }

    /// <summary>What may be done with memory.</summary>
    public void Protect(AddressRange interval, bool isWritable)
    {
        for (ulong page = interval.Start.PageNumber; page < interval.End.PageNumber; page++)
        {
            if (isWritable)
                _readOnly.Remove(page);
            else
                _readOnly.Add(page);
        }
    }

    /// <summary>What a VM is advised.</summary>
    public void Advise(int vm, AddressRange interval, MemoryAdvice advice)
    {
        for (ulong page = interval.Start.PageNumber; page < interval.End.PageNumber; page++)
        {
            if (advice.IsDefault)
                _advice.Remove((vm, page));
            else
                _advice[(vm, page)] = advice;
        }
    }

    /// <summary>Whether all bytes of a page are zeroes.</summary>
    public bool IsZero(VirtualAddress page)
    {
        Span<byte> bytes = stackalloc byte[PageSize.Bytes];
        Bytes.Read(page, bytes);
        return !bytes.ContainsAnyExcept((byte)0);
    }

    /// <summary>The page of an address.</summary>
    public static AddressRange PageOf(VirtualAddress address) => AddressRange.OfPages(address.AlignDown(PageOrder.Small), 1);
}
