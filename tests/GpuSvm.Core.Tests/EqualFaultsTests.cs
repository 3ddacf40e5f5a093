// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Faults;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation;

namespace GpuSvm.Core.Tests;

/// <summary>Equal faults that are fetched together are served by one call of the handler, and none is answered with what it did not ask.</summary>
public sealed class EqualFaultsTests : IDisposable
{
    private readonly Machine _machine = new(vm: new GpuVmOptions { Placement = new SystemPlacement() }, checksSteps: false);
    private readonly List<GpuFault> _faults = [];
    private int _goes; // In how many the last batch was answered.

    /// <inheritdoc/>
    public void Dispose() => _machine.Dispose();

    /// <summary>Reads of one page: one call, all acknowledged.</summary>
    [Fact]
    public void EqualReadsAreServedOnce()
    {
        AddressRange memory = _machine.Allocate(PageSize.Bytes);
        for (int i = 0; i < 100; i++)
            Raise(memory.Start + (i * 8), MemoryAccess.Read);
        Assert.All(Serve(), status => Assert.Equal(SvmStatus.Done, status));
        Assert.Equal((1, 99, 0), Counters());
    }

    /// <summary>A read and a write: the write's call serves both, whichever came first.</summary>
    [Theory]
    [InlineData(MemoryAccess.Read, MemoryAccess.Write)]
    [InlineData(MemoryAccess.Write, MemoryAccess.Read)]
    public void TheStrongestAccessServesAll(MemoryAccess first, MemoryAccess second)
    {
        AddressRange memory = _machine.Allocate(PageSize.Bytes);
        Raise(memory.Start, first);
        Raise(memory.Start, second);
        Assert.Equal([SvmStatus.Done, SvmStatus.Done], Serve());
        Assert.Equal((1, 1, 0), Counters());
        Assert.True(_machine.Vm.PageTable.Lookup(memory.Start).IsWritable);
    }

    /// <summary>Writes to memory that is read only fail; the reads between them succeed.</summary>
    [Fact]
    public void ARefusedWriteFailsNoRead()
    {
        AddressRange memory = _machine.Allocate(PageSize.Bytes);
        Assert.Equal(SvmStatus.Done, _machine.Memory.Protect(memory, HostProtection.ReadOnly));
        foreach (MemoryAccess access in (MemoryAccess[])[MemoryAccess.Read, MemoryAccess.Write, MemoryAccess.Read, MemoryAccess.Write])
            Raise(memory.Start, access);
        Assert.Equal([SvmStatus.Done, SvmStatus.ReadOnly, SvmStatus.Done, SvmStatus.ReadOnly], Serve());
        Assert.Equal((2, 2, 1), Counters());
        Assert.True(_machine.Vm.PageTable.Lookup(memory.Start).IsPresent);
    }

    /// <summary>What follows each other is answered in one go; a device that cannot do that ends them one by one.</summary>
    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 100)]
    public void EqualFaultsInARowAreAnsweredInOneGo(bool together, int goes)
    {
        AddressRange memory = _machine.Allocate(PageSize.Bytes);
        for (int i = 0; i < 100; i++)
            Raise(memory.Start, i % 3 == 0 ? MemoryAccess.Write : MemoryAccess.Read);
        Assert.All(Serve(together), status => Assert.Equal(SvmStatus.Done, status));
        Assert.Equal((1, 99, 0), Counters());
        Assert.Equal(goes, _goes);
    }

    /// <summary>Faults of two pages in turns: a call for each page, and each fault is answered once.</summary>
    [Fact]
    public void EqualFaultsBetweenOthersAreServedOnceToo()
    {
        AddressRange memory = _machine.Allocate(2 * PageSize.HugeBytes);
        for (int i = 0; i < 100; i++)
            Raise(memory.Start + (i / 2 % 2 * PageSize.HugeBytes), MemoryAccess.Write);
        Assert.All(Serve(), status => Assert.Equal(SvmStatus.Done, status));
        Assert.Equal((2, 98, 0), Counters());
    }

    /// <summary>Another address space's fault at the same address, and another page's, are served apart.</summary>
    [Fact]
    public void OtherSpacesAndPagesAreServedApart()
    {
        AddressRange memory = _machine.Allocate(2 * PageSize.Bytes);
        Raise(memory.Start, MemoryAccess.Read);
        Raise(memory.Start, MemoryAccess.Read, _machine.Vm.AddressSpaceId + 1);
        Raise(memory.Start + PageSize.Bytes, MemoryAccess.Read);
        Assert.Equal([SvmStatus.Done, SvmStatus.NotMapped, SvmStatus.Done], Serve());
        Assert.Equal((2, 0, 0), Counters());
    }

    /// <summary>Adds a fault to the batch.</summary>
    private void Raise(VirtualAddress address, MemoryAccess access, int? space = null)
        => _faults.Add(new GpuFault(address, access, space ?? _machine.Vm.AddressSpaceId, _faults.Count, Stopwatch.GetTimestamp()));

    /// <summary>Has the batch served by a service of one thread.</summary>
    /// <param name="together">Whether the buffer takes the answers of several at once.</param>
    /// <returns>What each fault was acknowledged with.</returns>
    private SvmStatus?[] Serve(bool together = false)
    {
        OneBatch buffer = together ? new AtOnce(_faults) : new OneBatch(_faults);
        new FaultService(buffer, _machine.Vm, threads: 1).Dispose();
        _goes = buffer.Goes;
        return buffer.Answers;
    }

    /// <summary>Calls of the handler, faults that needed none, and calls that were refused.</summary>
    private (long Faults, long Merged, long Failed) Counters() => (_machine.Vm.Counters.Faults, _machine.Vm.Counters.Merged, _machine.Vm.Counters.Failed);

    /// <summary>A fault buffer that gives one batch and then ends.</summary>
    /// <param name="faults">The batch; each token is its place.</param>
    private class OneBatch(List<GpuFault> faults) : IFaultBuffer
    {
        private bool _isFetched;

        /// <summary>How often something was acknowledged.</summary>
        public int Goes { get; protected set; }

        /// <summary>What each fault was acknowledged with.</summary>
        public SvmStatus?[] Answers { get; } = new SvmStatus?[faults.Count];

        /// <inheritdoc/>
        public int Fetch(Span<GpuFault> room)
        {
            if (_isFetched)
                return 0;
            _isFetched = true;
            faults.ToArray().CopyTo(room);
            return faults.Count;
        }

        /// <inheritdoc/>
        public void Acknowledge(in GpuFault fault, SvmStatus status)
        {
            Goes++;
            Assert.Null(Answers[fault.Token]);
            Answers[fault.Token] = status;
        }

        /// <inheritdoc/>
        public void Requeue(in GpuFault fault) => Assert.Fail("Nothing overtakes these faults.");

        /// <inheritdoc/>
        public void Close()
        {
        }
    }

    /// <summary>The same of a device that lets several waiters go at once.</summary>
    /// <param name="faults">The batch.</param>
    private sealed class AtOnce(List<GpuFault> faults) : OneBatch(faults), IFaultBuffer
    {
        /// <inheritdoc/>
        void IFaultBuffer.Acknowledge(ReadOnlySpan<GpuFault> faults, SvmStatus status)
        {
            int before = Goes;
            foreach (ref readonly GpuFault fault in faults)
                Acknowledge(fault, status);
            Goes = before + 1;
        }
    }
}
