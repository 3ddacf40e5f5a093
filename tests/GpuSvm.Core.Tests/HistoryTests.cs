// SPDX-License-Identifier: MIT
using CsCheck;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation;

namespace GpuSvm.Core.Tests;

/// <summary>Random histories of everything the two sides can do, compared byte by byte with the obvious model, invariants checked after every step.</summary>
public class HistoryTests
{
    /// <summary>Device addresses, if the device stands behind an IOMMU.</summary>
    private protected virtual long IommuBytes => 0;

    /// <summary>The same behind an IOMMU.</summary>
    public sealed class BehindIommu : HistoryTests
    {
        private protected override long IommuBytes => 32 << 20;
    }

    private const int Pages = 1536;

    private enum Step
    {
        CpuWrite,
        CpuRead,
        GpuWrite,
        GpuRead,
        ToDevice,
        ToSystem,
        Evict,
        DontNeed,
        Unmap,
        Map,
    }

    [Theory]
    [InlineData(600)]
    [InlineData(1600)]
    [InlineData(3)]
    public void EveryHistoryReadsAsPlainMemoryWould(int devicePages) =>
        Gen.Select(Gen.Enum<Step>(), Gen.Int[0, Pages - 1], Gen.Int[1, 600], Gen.Byte).Array[1, 40].Sample(
            steps => Replay(devicePages, steps), iter: 15, threads: 1);

    private bool Replay(int devicePages, (Step Step, int Page, int Count, byte Value)[] steps)
    {
        using var machine = new Machine(devicePages, iommuBytes: IommuBytes);
        var model = new ReferenceMemory();
        VirtualAddress start = machine.Allocate(4096).End.AlignDown(PageOrder.Huge) + (64L * PageSize.HugeBytes);
        AddressRange all = AddressRange.OfPages(start, Pages);
        Assert.Equal(SvmStatus.Done, machine.Memory.Map(all.Start, all.Bytes));
        model.Map(all);
        foreach ((Step step, int page, int count, byte value) in steps)
        {
            AddressRange interval = AddressRange.OfPages(start + ((long)page * PageSize.Bytes), Math.Min(count, Pages - page));
            Apply(machine, model, step, interval, value);
            machine.Check();
        }

        for (VirtualAddress at = all.Start; at < all.End; at += PageSize.Bytes)
        {
            AddressRange one = AddressRange.OfPages(at, 1);
            if (model.IsMapped(one))
                CompareRead(machine, model, one, gpu: (at.PageNumber & 1) == 0);
        }

        Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(all));
        return true;
    }

    private static void Apply(Machine machine, ReferenceMemory model, Step step, AddressRange interval, byte value)
    {
        bool mapped = model.IsMapped(interval);
        AddressRange some = AddressRange.OfPages(interval.Start, Math.Min(interval.Pages, 9));
        byte[] bytes = new byte[some.Bytes - 100];
        Array.Fill(bytes, value);
        switch (step)
        {
            case Step.CpuWrite when model.IsMapped(some):
                Assert.Equal(SvmStatus.Done, machine.Memory.CpuWrite(some.Start + 50, bytes));
                model.Write(some.Start + 50, bytes);
                break;
            case Step.GpuWrite when model.IsMapped(some):
                Assert.Equal(SvmStatus.Done, machine.GpuWrite(some.Start + 50, bytes));
                model.Write(some.Start + 50, bytes);
                break;
            case Step.CpuRead when model.IsMapped(some):
                CompareRead(machine, model, some, gpu: false);
                break;
            case Step.GpuRead when model.IsMapped(some):
                CompareRead(machine, model, some, gpu: true);
                break;
            case Step.ToDevice when mapped:
                machine.Vm.Prefetch(interval, PrefetchTarget.Device, out PrefetchResult result);
                Assert.Equal(result.RequestedBytes, result.AlreadyThereBytes + result.MovedBytes + result.FailedBytes);
                break;
            case Step.ToSystem:
                Assert.Equal(SvmStatus.Done, machine.Vm.Prefetch(interval, PrefetchTarget.System, out _));
                break;
            case Step.Evict:
                Assert.True(machine.Vm.Pagemap.EvictOne() is SvmStatus.Done or SvmStatus.OutOfDeviceMemory);
                break;
            case Step.DontNeed when mapped:
                Assert.Equal(SvmStatus.Done, machine.Memory.DontNeed(interval));
                model.Zero(interval);
                break;
            case Step.Unmap when mapped && value < 64:
                Assert.Equal(SvmStatus.Done, machine.Memory.Unmap(interval));
                model.Unmap(interval);
                break;
            case Step.Map when !Meets(model, interval):
                Assert.Equal(SvmStatus.Done, machine.Memory.Map(interval.Start, interval.Bytes));
                model.Map(interval);
                break;
            default:
                break;
        }
    }

    private static bool Meets(ReferenceMemory model, AddressRange interval)
    {
        for (VirtualAddress at = interval.Start; at < interval.End; at += PageSize.Bytes)
        {
            if (model.IsMapped(AddressRange.OfPages(at, 1)))
                return true;
        }

        return false;
    }

    private static void CompareRead(Machine machine, ReferenceMemory model, AddressRange interval, bool gpu)
    {
        byte[] bytes = new byte[interval.Bytes];
        Assert.Equal(SvmStatus.Done, gpu ? machine.GpuRead(interval.Start, bytes) : machine.Memory.CpuRead(interval.Start, bytes));
        Assert.Null(model.FirstDifference(interval.Start, bytes));
    }
}
