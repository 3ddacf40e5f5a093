// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Tests;

/// <content>Accesses of both sides: page by page, refused exactly where the model says so.</content>
internal sealed partial class DayRun
{
    private void CpuAccess(in DayOperation operation)
    {
        AddressRange bytes = BytesOf(operation);
        bool isWrite = operation.Kind == DayOperationKind.CpuWrite;
        _what = $"CPU {(isWrite ? "writes" : "reads")} {bytes}";
        byte[] buffer = new byte[PageSize.Bytes];
        new Random(operation.Value).NextBytes(buffer);
        foreach (AddressRange part in Cut(bytes))
        {
            Span<byte> some = buffer.AsSpan(0, (int)part.Bytes);
            SvmStatus status = isWrite ? _machine.Memory.CpuWrite(part.Start, some) : _machine.Memory.CpuRead(part.Start, some);
            if (!Expect(status, _model.Expect(part.Start, isWrite), $"CPU access of {part}") || status != SvmStatus.Done)
                return;
            if (isWrite)
                _model.Bytes.Write(part.Start, some);
            else
                Compare(part.Start, some, "the CPU");
        }
    }

    private void CpuAdd(in DayOperation operation)
    {
        VirtualAddress address = BytesOf(operation).Start;
        address -= (long)(address.Value % sizeof(long));
        _what = $"CPU adds at {address}";
        SvmStatus status = _machine.Memory.CpuAdd(address, operation.Value, out long before);
        if (Expect(status, _model.Expect(address, isWrite: true), $"CPU addition at {address}") && status == SvmStatus.Done)
            Add(address, operation.Value, before);
    }

    private void GpuAccess(in DayOperation operation)
    {
        AddressRange bytes = BytesOf(operation);
        bool isWrite = operation.Kind == DayOperationKind.GpuWrite;
        (int vm, int device) = _machine.At(operation.Place);
        _what = $"VM {vm} device {device} {(isWrite ? "writes" : "reads")} {bytes}";
        byte[] buffer = new byte[PageSize.Bytes];
        new Random(operation.Value).NextBytes(buffer);
        foreach (AddressRange part in Cut(bytes))
        {
            if (!TryReach(vm, device, part.Start, isWrite ? MemoryAccess.Write : MemoryAccess.Read, out Span<byte> there))
                return;
            there = there[..(int)part.Bytes];
            if (isWrite)
            {
                buffer.AsSpan(0, there.Length).CopyTo(there);
                _model.Bytes.Write(part.Start, there);
            }
            else
            {
                Compare(part.Start, there, $"VM {vm} device {device}");
            }
        }
    }

    private void GpuAdd(in DayOperation operation)
    {
        VirtualAddress address = BytesOf(operation).Start;
        address -= (long)(address.Value % sizeof(long));
        (int vm, int device) = _machine.At(operation.Place);
        _what = $"VM {vm} device {device} adds at {address}";
        if (!TryReach(vm, device, address, MemoryAccess.Atomic, out Span<byte> there))
            return;
        ref long number = ref MemoryMarshal.Cast<byte, long>(there)[0];
        long before = number;
        number += operation.Value;
        Add(address, operation.Value, before);
    }

    /// <summary>Has a device reach a page, by a fault if it must.</summary>
    /// <returns>False if it is refused as the model says, or for what was injected.</returns>
    private bool TryReach(int vm, int device, VirtualAddress address, MemoryAccess access, out Span<byte> there)
    {
        SvmStatus expected = _model.Expect(vm, device, address, access);
        if (_machine.TryTranslate(vm, device, address, access, out there))
        {
            // Without a fault: a change of protection is not announced, and advice is asked when something faults; but what is unmapped must be gone.
            Assert.True(expected != SvmStatus.NotMapped, $"VM {vm} device {device} still reaches {address}");
            return true;
        }

        MemoryAccess replayed = access == MemoryAccess.Atomic ? MemoryAccess.Write : access;
        for (int attempt = 0; attempt < MostReplays; attempt++) // What comes beside a page may take its place on a small device.
        {
            SvmStatus status = _machine.Fault(vm, device, address, access);
            if (!Expect(status, expected, $"{access} fault of VM {vm} device {device} at {address}") || status != SvmStatus.Done)
                return false;
            if (_machine.TryTranslate(vm, device, address, replayed, out there))
                return true;
        }

        Assert.Fail($"a {access} fault of VM {vm} device {device} at {address} says done again and again, and is not");
        return false;
    }

    private void BindUserptr(in DayOperation operation)
    {
        if (_userptrs.Count == MostUserptrs)
            return;
        AddressRange shown = Where(operation);
        int vm = operation.Value & 1;
        ulong place = 0;
        while (_userptrs.Any(other => other.Userptr.GpuInterval.Start.Value == GpuStart(place)))
            place++;
        bool isReadOnly = (operation.Value & 2) != 0;
        _what = $"VM {vm} binds {shown} at {GpuStart(place):x}{(isReadOnly ? " to read" : "")}";
        SvmStatus status = _machine.Vms[vm].BindUserptr(shown, new VirtualAddress(GpuStart(place)), isReadOnly, out GpuUserptr? userptr);
        if (Expect(status, SvmStatus.Done, "bind user pointer"))
            _userptrs.Add((vm, userptr!));

        static ulong GpuStart(ulong place) => (1UL << 47) + (place << 26) + (3UL << 16);
    }

    private void UseUserptr(in DayOperation operation)
    {
        if (_userptrs.Count == 0)
            return;
        (int vm, GpuUserptr userptr) = _userptrs[operation.Place % _userptrs.Count];
        int device = (operation.Value & 1) % _machine.Vms[vm].Devices.Count;
        MemoryAccess access = (operation.Value & 2) != 0 ? MemoryAccess.Write : MemoryAccess.Read;
        AddressRange page = Part(userptr.Interval, operation.Page, 1);
        VirtualAddress shown = userptr.GpuInterval.Start + (page.Start - userptr.Interval.Start);
        _what = $"VM {vm} device {device} {access} of {page} at {shown}";
        if (!_machine.TryTranslate(vm, device, shown, access, out Span<byte> there))
        {
            SvmStatus expected = ExpectUserptr(userptr, page.Start, access);
            SvmStatus status = _machine.Fault(vm, device, shown, access);
            bool isEither = expected == SvmStatus.NotMapped && status == SvmStatus.ReadOnly && !userptr.IsReadOnly;
            if ((!isEither && !Expect(status, expected, "use of a user pointer")) || status != SvmStatus.Done)
                return;
            Assert.True(_machine.TryTranslate(vm, device, shown, access, out there), "a fault of a user pointer said done and is not");
        }

        Assert.True(_model.IsMapped(page), "a user pointer still reaches what is unmapped");
        if (access == MemoryAccess.Write)
        {
            new Random(operation.Value).NextBytes(there[..100]);
            _model.Bytes.Write(page.Start, there[..100]);
        }

        Compare(page.Start, there, "a user pointer");
    }

    /// <summary>How a fault in a user pointer ends: it wants all of its block.</summary>
    private SvmStatus ExpectUserptr(GpuUserptr userptr, VirtualAddress address, MemoryAccess access)
    {
        if (userptr.IsReadOnly && access == MemoryAccess.Write)
            return SvmStatus.ReadOnly;
        AddressRange block = Enumerable.Range(0, userptr.BlockCount).Select(userptr.BlockAt).First(one => one.Contains(address));
        SvmStatus expected = _model.IsMapped(block) ? SvmStatus.Done : SvmStatus.NotMapped;
        for (VirtualAddress at = block.Start; at < block.End && expected == SvmStatus.Done; at += PageSize.Bytes)
            expected = _model.Expect(at, !userptr.IsReadOnly);
        return expected;
    }

    private void UnbindUserptr(in DayOperation operation)
    {
        if (_userptrs.Count == 0)
            return;
        (int vm, GpuUserptr userptr) = _userptrs[operation.Place % _userptrs.Count];
        _what = $"VM {vm} unbinds {userptr.Interval}";
        Assert.Equal(SvmStatus.Done, _machine.Vms[vm].UnbindUserptr(userptr));
        _userptrs.Remove((vm, userptr));
    }

    /// <summary>Compares an addition with the model's.</summary>
    private void Add(VirtualAddress address, long value, long before)
    {
        long expected = 0;
        _model.Bytes.Read(address, MemoryMarshal.AsBytes(new Span<long>(ref expected)));
        Assert.Equal(expected, before);
        expected += value;
        _model.Bytes.Write(address, MemoryMarshal.AsBytes(new ReadOnlySpan<long>(in expected)));
    }

    private void Compare(VirtualAddress address, ReadOnlySpan<byte> bytes, string who) =>
        Assert.True(_model.Bytes.FirstDifference(address, bytes) is not { } wrong, $"{who} reads something else at {(_model.Bytes.FirstDifference(address, bytes) ?? default)}");

    /// <summary>The parts of some bytes, page by page.</summary>
    private static IEnumerable<AddressRange> Cut(AddressRange bytes)
    {
        for (VirtualAddress at = bytes.Start; at < bytes.End;)
        {
            AddressRange part = bytes.Intersect(new AddressRange(at, at.AlignDown(PageOrder.Small) + PageSize.Bytes));
            yield return part;
            at = part.End;
        }
    }
}
