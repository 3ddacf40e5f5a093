// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.SoftwareGpu.Tests;

public sealed class SoftwareGpuFaultBufferTests
{
    private static readonly VirtualAddress _address = new(0x1234_5000);

    private readonly SoftwareGpuFaultBuffer _buffer = new(4, waitSpins: 3);

    private Task<SvmStatus> Raise(int unit, long offset = 0) =>
        Task.Factory.StartNew(() => _buffer.RaiseAndWait(unit, _address + offset, MemoryAccess.Write, 7), TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private GpuFault FetchOne()
    {
        var faults = new GpuFault[1];
        Assert.Equal(1, _buffer.Fetch(faults));
        return faults[0];
    }

    [Fact]
    public void FaultsAheadOfNeedNeverTakeAUnitsPlace()
    {
        var buffer = new SoftwareGpuFaultBuffer(1, 0);
        for (int i = 0; i < 16; i++)
            Assert.True(buffer.TryRaisePrefetch(new VirtualAddress(4096UL * (ulong)(i + 1)), MemoryAccess.Read, 1));
        Assert.False(buffer.TryRaisePrefetch(new VirtualAddress(1 << 20), MemoryAccess.Read, 1));
        Assert.Equal(1, buffer.Overflows);
        Assert.True(buffer.TryTakeOverflow(out FaultOverflow overflow));
        Assert.Equal(new FaultOverflow(1, new VirtualAddress(1 << 20), 1), overflow);
        Assert.False(buffer.TryTakeOverflow(out _)); // Told once.
        SvmStatus status = SvmStatus.Busy;
        var unit = new Thread(() => status = buffer.RaiseAndWait(0, new VirtualAddress(1 << 21), MemoryAccess.Write, 1));
        unit.Start();
        while (buffer.Count < 17)
            Thread.Yield();
        var faults = new GpuFault[20];
        Assert.Equal(17, buffer.Fetch(faults));
        Assert.All(faults[..16], fault => Assert.True(fault.IsPrefetch));
        buffer.Acknowledge(faults[16], SvmStatus.Done);
        unit.Join();
        Assert.Equal(SvmStatus.Done, status);
        foreach (GpuFault fault in faults[..8])
            buffer.Acknowledge(fault, SvmStatus.NotMapped);
        for (int i = 0; i < 256; i++)
            Assert.False(buffer.TryRaisePrefetch(new VirtualAddress(4096), MemoryAccess.Read, 1)); // Refused one after the other: they rest for a while.
        Assert.True(buffer.TryRaisePrefetch(new VirtualAddress(4096), MemoryAccess.Read, 1));
        Assert.Equal(1, buffer.Overflows);
    }

    [Fact]
    public async Task AFaultCarriesWhatWasTriedAndEndsWithItsOwnStatus()
    {
        Task<SvmStatus> first = Raise(0);
        GpuFault one = FetchOne();
        Assert.Equal((_address, MemoryAccess.Write, 7), (one.Address, one.Access, one.AddressSpaceId));
        Assert.True(one.Timestamp > 0);
        Task<SvmStatus> second = Raise(1, 4096);
        GpuFault two = FetchOne();
        _buffer.Acknowledge(two, SvmStatus.NotMapped);
        Assert.Equal(SvmStatus.NotMapped, await second);
        Assert.False(first.IsCompleted);
        _buffer.Acknowledge(one, SvmStatus.Done);
        Assert.Equal(SvmStatus.Done, await first);
    }

    [Fact]
    public async Task OldestFirstAndAnyNumberAtOnce()
    {
        List<Task<SvmStatus>> raised = [];
        for (int unit = 0; unit < 4; unit++)
        {
            raised.Add(Raise(unit));
            while (_buffer.Count <= unit)
                Thread.Yield();
        }

        var faults = new GpuFault[3];
        Assert.Equal(3, _buffer.Fetch(faults));
        Assert.Equal([0, 1, 2], faults.Select(fault => UnitOf(fault))); // Equal addresses are not merged here.
        Assert.Equal(1, _buffer.TryFetch(faults.AsSpan(1)));
        Assert.Equal(3, UnitOf(faults[1]));
        Assert.Equal(0, _buffer.TryFetch(faults));
        _buffer.Close();
        Assert.Equal(0, _buffer.Fetch(faults));
        AnswerAll(raised);
        foreach (Task<SvmStatus> fault in raised)
            await fault;
    }

    [Fact]
    public async Task ARequeuedFaultComesAgainAfterTheOthers()
    {
        Task<SvmStatus> first = Raise(0);
        GpuFault one = FetchOne();
        Task<SvmStatus> second = Raise(1);
        while (_buffer.Count == 0)
            Thread.Yield();
        _buffer.Requeue(one);
        GpuFault two = FetchOne();
        Assert.Equal(1, UnitOf(two));
        Assert.Equal(one, FetchOne());
        _buffer.Acknowledge(one, SvmStatus.TimedOut);
        _buffer.Acknowledge(two, SvmStatus.Done);
        Assert.Equal((SvmStatus.TimedOut, SvmStatus.Done), (await first, await second));
    }

    [Fact]
    public async Task ASecondAcknowledgeIsCaughtEvenWhenTheUnitWaitsAgain()
    {
        Task<SvmStatus> first = Raise(2);
        GpuFault one = FetchOne();
        _buffer.Acknowledge(one, SvmStatus.Done);
        await first;
        Assert.Throws<InvalidOperationException>(() => _buffer.Acknowledge(one, SvmStatus.Done));
        Task<SvmStatus> second = Raise(2);
        GpuFault two = FetchOne();
        Assert.Throws<InvalidOperationException>(() => _buffer.Acknowledge(one, SvmStatus.NotMapped));
        Assert.Throws<InvalidOperationException>(() => _buffer.Requeue(one));
        _buffer.Acknowledge(two, SvmStatus.Done);
        Assert.Equal(SvmStatus.Done, await second);
        Assert.Throws<InvalidOperationException>(() => _buffer.Acknowledge(two with { Token = (2 << SoftwareGpuFaultBuffer.UnitBits) - 1 }, SvmStatus.Done)); // No such unit.
        Assert.Throws<InvalidOperationException>(() => _buffer.Acknowledge(default, SvmStatus.Done));
    }

    [Fact]
    public async Task CloseLetsFetchersGoAndFailsLaterFaults()
    {
        Task<int> fetcher = Task.Factory.StartNew(() => _buffer.Fetch(new GpuFault[4]), TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        _buffer.Close();
        Assert.Equal(0, await fetcher);
        Assert.Equal(SvmStatus.DeviceGone, await Raise(0));
    }

    [Fact]
    public async Task WhatWasInsideWhenClosedIsStillFetched()
    {
        Task<SvmStatus> raised = Raise(0);
        while (_buffer.Count == 0)
            Thread.Yield();
        _buffer.Close();
        _buffer.Acknowledge(FetchOne(), SvmStatus.Done);
        Assert.Equal(SvmStatus.Done, await raised);
        Assert.Equal(0, _buffer.Fetch(new GpuFault[1]));
    }

    [Fact]
    public void ManyFaultsOfManyUnitsEachEndWithTheirOwnStatus()
    {
        const int Rounds = 5000;
        Thread[] services = new Thread[2];
        for (int i = 0; i < services.Length; i++)
        {
            services[i] = new Thread(() =>
            {
                var faults = new GpuFault[3];
                int count;
                int turn = 0;
                while ((count = _buffer.Fetch(faults)) > 0)
                {
                    for (int j = 0; j < count; j++)
                    {
                        if (++turn % 5 == 0)
                            _buffer.Requeue(faults[j]);
                        else
                            _buffer.Acknowledge(faults[j], (SvmStatus)(faults[j].Address.Value % 1000));
                    }
                }
            });
            services[i].Start();
        }

        Parallel.For(0, 4, new ParallelOptions { MaxDegreeOfParallelism = 4 }, unit =>
        {
            for (int round = 0; round < Rounds; round++)
                Assert.Equal((SvmStatus)((unit * 7 + round) % 1000), _buffer.RaiseAndWait(unit, new VirtualAddress((ulong)(unit * 7 + round)), MemoryAccess.Read, 1));
        });
        _buffer.Close();
        foreach (Thread service in services)
            Assert.True(service.Join(TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public void AFaultRoundTripAllocatesNothingOnceWarm()
    {
        long allocated = -1;
        Thread service = new(() =>
        {
            var faults = new GpuFault[2];
            int served = 0;
            long before = 0;
            int count;
            while ((count = _buffer.Fetch(faults)) > 0)
            {
                for (int i = 0; i < count; i++)
                    _buffer.Acknowledge(faults[i], SvmStatus.Done);
                if (++served == 200)
                    before = GC.GetAllocatedBytesForCurrentThread();
                if (served == 1200)
                    allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            }
        });
        service.Start();
        long unitBefore = 0;
        for (int i = 0; i < 1300; i++)
        {
            if (i == 200)
                unitBefore = GC.GetAllocatedBytesForCurrentThread();
            _ = _buffer.RaiseAndWait(0, _address, MemoryAccess.Read, 1);
        }

        long unitAllocated = GC.GetAllocatedBytesForCurrentThread() - unitBefore;
        _buffer.Close();
        service.Join();
        Assert.Equal((0, 0), (allocated, unitAllocated));
    }

    [Fact]
    public void AHelperServesOnTheUnitsOwnThread()
    {
        Helper helper = new(_buffer, declineEvery: 0);
        _buffer.Helper = helper;
        for (int i = 0; i < 10; i++)
            Assert.Equal(SvmStatus.ReadOnly, _buffer.RaiseAndWait(1, _address, MemoryAccess.Write, 7)); // Nobody fetches: it would hang.
        Assert.Equal(Environment.CurrentManagedThreadId, helper.LastThread);
        Assert.Equal(10, helper.Served);
    }

    [Fact]
    public void WhatAHelperDeclinesIsFetched()
    {
        _buffer.Helper = new Helper(_buffer, declineEvery: 3);
        Thread service = new(() =>
        {
            var faults = new GpuFault[2];
            while (_buffer.Fetch(faults) > 0)
                _buffer.Acknowledge(faults[0], SvmStatus.Done);
        });
        service.Start();
        int byService = 0;
        for (int i = 0; i < 300; i++)
            byService += _buffer.RaiseAndWait(1, _address, MemoryAccess.Write, 7) == SvmStatus.Done ? 1 : 0;
        Assert.True(byService >= 100, $"{byService}"); // The service may also be quicker than the helper.
        _buffer.Close();
        Assert.True(service.Join(TimeSpan.FromSeconds(30)));
    }

    private static int UnitOf(in GpuFault fault) => fault.Token & ((1 << SoftwareGpuFaultBuffer.UnitBits) - 1);

    private void AnswerAll(List<Task<SvmStatus>> raised)
    {
        // The tokens of the first fault of each unit: running number 1.
        for (int unit = 0; unit < raised.Count; unit++)
            _buffer.Acknowledge(new GpuFault(_address, MemoryAccess.Write, 7, (1 << SoftwareGpuFaultBuffer.UnitBits) | unit, 0), SvmStatus.Done);
    }

    private sealed class Helper(SoftwareGpuFaultBuffer buffer, int declineEvery) : IFaultHelper
    {
        private readonly GpuFault[] _faults = new GpuFault[1];
        private int _calls;

        internal int Served { get; private set; }

        internal int LastThread { get; private set; }

        public bool TryService(in GpuFault fault)
        {
            if (declineEvery != 0 && ++_calls % declineEvery == 0)
                return false;
            LastThread = Environment.CurrentManagedThreadId;
            if (buffer.TryFetch(_faults) == 0)
                return false;
            Served++;
            buffer.Acknowledge(_faults[0], SvmStatus.ReadOnly);
            return true;
        }
    }
}
