// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Pagemaps;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Core.Tests;

/// <summary>References, reuse, memory pressure and the end of pagemaps, INV-36, INV-37.</summary>
public sealed class PagemapLifetimeTests : IDisposable
{
    private const int Rounds = 1000;

    private readonly SimulatedHostMemory _memory = new();
    private readonly HostAddressSpace _host;
    private readonly SoftwareGpuDevice _device = new(new SoftwareGpuOptions { MemoryBytes = 1 << 20, ComputeUnits = 1 });
    private readonly PagemapCache _cache;

    public PagemapLifetimeTests()
    {
        _host = new HostAddressSpace(_memory);
        _cache = DevicePagemaps.Of(_device).CacheFor(_host);
    }

    public void Dispose()
    {
        SchedulePoint.Install(null);
        _device.Dispose();
        Assert.Equal(0, _device.Holds);
        _host.Dispose();
    }

    [Fact]
    public void TheLastPutMakesAPagemapIdleAndTheNextGetRevivesIt()
    {
        Pagemap first = Get();
        Assert.Equal(2, _device.Holds); // The owner's, and the pagemap's.
        Assert.Same(first, Get());
        Put(first);
        Assert.Equal((1, 2), (first.References, _device.Holds));
        Assert.Same(first, _cache.GetIfActive());
        first.Put();
        Put(first);
        DeferredWork.Flush();
        Assert.Equal((0, 1, 1), (first.References, _device.Holds, _cache.Shrinker.Count));
        Assert.Null(_cache.GetIfActive());
        Assert.Same(first, Get());
        Assert.Equal((1, 2, 0), (first.References, _device.Holds, _cache.Shrinker.Count));
        Put(first);
    }

    /// <summary>The hold is dropped by deferred work even where the last put is made under a lock.</summary>
    [Fact]
    public void ThePutUnderALockDropsNothingItself()
    {
        Pagemap pagemap = Get();
        Assert.Equal(SvmStatus.Done, pagemap.EndUse());
        var outer = new RankedLock(LockRank.CollectorQueue, "outer");
        using (outer.Enter())
            pagemap.Put(); // Taking a lock of a lower rank here would throw.
        DeferredWork.Flush();
        Assert.Equal(1, _device.Holds);
    }

    [Fact]
    public void ScanningDestroysIdlePagemapsAndTheirIndexIsUsedAgain()
    {
        for (int i = 0; i < 600; i++) // An address space has room for 256.
        {
            Pagemap pagemap = Get();
            Assert.InRange(pagemap.Index, 0, 255);
            Put(pagemap);
            Assert.Equal(1, _cache.Shrinker.Scan(8));
            Assert.Equal(0, _cache.Shrinker.Scan(8));
            if (i % 100 == 99)
                DeferredWork.Flush();
        }

        DeferredWork.Flush();
        Pagemap last = Get();
        Assert.Equal(0, last.Index);
        Put(last);
    }

    /// <summary>R-23: the scan has the pagemap in its hands when a lookup finds it; the lookup stores another, and the scan must not forget that one.</summary>
    [Fact]
    public void AScanDoesNotForgetThePagemapThatALookupHasPutInItsPlace()
    {
        Pagemap old = Get();
        Put(old);
        Pagemap? fresh = null;
        using (new AtPoint(SchedulePointKind.Collect, () => fresh = Get()))
            Assert.Equal(1, _cache.Shrinker.Scan(1));
        Assert.NotSame(old, fresh);
        Assert.Same(fresh, _cache.GetIfActive());
        fresh!.Put();
        Put(fresh);
    }

    /// <summary>R-23 the other way round: the lookup has found an idle pagemap when a scan takes it.</summary>
    [Fact]
    public void ALookupThatLosesItsPagemapToAScanMakesAnother()
    {
        Pagemap old = Get();
        Put(old);
        Pagemap? fresh;
        using (new AtPoint(SchedulePointKind.Collect, () => Assert.Equal(1, _cache.Shrinker.Scan(1))))
            fresh = Get();
        Assert.NotSame(old, fresh);
        Assert.Same(fresh, _cache.GetIfActive());
        fresh.Put();
        Put(fresh);
    }

    /// <summary>R-22 and R-23 with threads: users come and go, memory is short all the time, and nobody ever meets a second pagemap.</summary>
    [Fact]
    public void UsersAndScansAtOnceNeverSeeTwoPagemaps()
    {
        int users = 3;
        long different = 0;
        bool stop = false;
        Thread[] threads =
        [
            .. Enumerable.Range(0, users).Select(_ => new Thread(() =>
            {
                for (int i = 0; i < Rounds; i++)
                {
                    Pagemap pagemap = Get();
                    if (_cache.GetIfActive() is { } active)
                    {
                        different += ReferenceEquals(active, pagemap) ? 0 : 1;
                        active.Put();
                    }
                    else
                    {
                        different++;
                    }

                    Put(pagemap);
                }
            })),
        ];
        long scanned = 0;
        var scanner = new Thread(() =>
        {
            while (!Volatile.Read(ref stop))
                scanned += _cache.Shrinker.Scan(1);
        });
        scanner.Start();
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        Volatile.Write(ref stop, true);
        scanner.Join();
        Assert.Equal(0, different);
        DeferredWork.Flush();
        Assert.Equal(1, _device.Holds); // As many dropped as taken.
        _cache.Shrinker.Scan(int.MaxValue);
        DeferredWork.Flush();
        Pagemap last = Get();
        Assert.Equal(0, last.Index); // Every index was given back.
        Put(last);
    }

    [Fact]
    public void TwoVmsOfOneDeviceShareOnePagemapAndTheLastOneBringsThePagesHome()
    {
        var options = new GpuVmOptions { Placement = new Machine.AlwaysMigrate(), Thrash = null };
        var first = new GpuVm(_host, _device, options);
        var second = new GpuVm(_host, _device, options);
        Assert.Same(first.Pagemap, second.Pagemap);
        Assert.Equal(SvmStatus.Done, _host.Allocate(65536, out AddressRange memory));
        Assert.Equal(SvmStatus.Done, first.Prefetch(memory, PrefetchTarget.Device, out _));
        Assert.Equal(3, first.Pagemap.References); // Two users and an allocation.
        first.Dispose();
        Assert.Equal(16, _device.Memory.Pages - _device.Memory.FreePages);
        second.Dispose();
        Assert.Equal(_device.Memory.Pages, _device.Memory.FreePages);
        Assert.Equal((0, 1), (second.Pagemap.References, _cache.Shrinker.Count));
    }

    [Fact]
    public void ACacheThatEndsUnderAUserLeavesThePagemapToItsLastPut()
    {
        Pagemap pagemap = Get();
        Pagemap idle = GetFor(NewHost(out SimulatedHostMemory other, out HostAddressSpace host));
        Put(idle);
        DevicePagemaps.Close(_device);
        Assert.Equal(0, _cache.Shrinker.Count);
        Assert.Equal((1, 2), (pagemap.References, _device.Holds));
        Assert.Null(_cache.GetIfActive());
        Put(pagemap);
        DeferredWork.Flush();
        Assert.Equal((0, 1), (_cache.Shrinker.Count, _device.Holds));
        host.Dispose();
        Assert.Equal(0, other.FaultedThreads);
    }

    [Fact]
    public void AnEndedAddressSpaceTakesItsIdlePagemapWithIt()
    {
        Pagemap idle = GetFor(NewHost(out _, out HostAddressSpace host));
        Put(idle);
        Assert.Equal(1, _cache.Shrinker.Count);
        host.Dispose();
        Assert.Equal(0, _cache.Shrinker.Count);
        Assert.Equal(SvmStatus.ProcessGone, DevicePagemaps.Of(_device).CacheFor(host).Get(out _));
    }

    [Fact]
    public void AnUnpluggedDeviceGivesNoPagemapAndKeepsNone()
    {
        Pagemap pagemap = Get();
        Assert.Equal(SvmStatus.Done, pagemap.Unplug());
        Assert.Equal(SvmStatus.DeviceGone, _cache.Get(out _));
        Assert.Equal(SvmStatus.DeviceGone, pagemap.Allocate(PageOrder.Small, clear: false, out _));
        Put(pagemap);
        Assert.Equal(0, _cache.Shrinker.Count);
        Assert.Null(_cache.GetIfActive());
    }

    private static HostAddressSpace NewHost(out SimulatedHostMemory memory, out HostAddressSpace host)
    {
        memory = new SimulatedHostMemory();
        host = new HostAddressSpace(memory);
        return host;
    }

    private Pagemap Get() => GetFor(_host);

    private Pagemap GetFor(HostAddressSpace host)
    {
        Assert.Equal(SvmStatus.Done, DevicePagemaps.Of(_device).CacheFor(host).Get(out Pagemap? pagemap));
        return pagemap!;
    }

    private static void Put(Pagemap pagemap)
    {
        Assert.Equal(SvmStatus.Done, pagemap.EndUse());
        pagemap.Put();
    }
}
