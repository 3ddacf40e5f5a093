// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Linux.Interop;

namespace GpuSvm.Linux.Tests;

/// <summary>What is said where real memory is not to be had, options, the doctor's list, and the allocator's placement.</summary>
public sealed class AccessTests
{
    [Theory]
    [InlineData(Errno.ENOSYS, 0, "CONFIG_USERFAULTFD")]
    [InlineData(24, 0, "ulimit -n")]
    public void ARefusalNamesObstacleAndCommand(int callError, int deviceError, string remedy)
    {
        string text = UserfaultAccess.Explain(callError, deviceError);
        Assert.Contains(remedy, text, StringComparison.Ordinal);
        Assert.Contains(": ", text, StringComparison.Ordinal);
    }

    [Fact]
    public void ARefusalForWantOfPermissionDependsOnWhoAsks()
    {
        string text = UserfaultAccess.Explain(Errno.EPERM, Errno.EACCES);
        bool isAllowed = UserfaultAccess.HasPtraceCapability() || UserfaultAccess.ReadNumber("/proc/sys/vm/unprivileged_userfaultfd") == 1;
        Assert.Contains(isAllowed ? "seccomp" : "vm.unprivileged_userfaultfd=1", text, StringComparison.Ordinal);
    }

    [Fact]
    public void ImpossibleOptionsAreRefusedByName()
    {
        Assert.Equal("CapacityBytes", Assert.Throws<ArgumentOutOfRangeException>(() => new UserfaultHostMemory(new UserfaultOptions { CapacityBytes = 1 })).ParamName);
        Assert.Equal("ServiceThreads", Assert.Throws<ArgumentOutOfRangeException>(() => new UserfaultHostMemory(new UserfaultOptions { ServiceThreads = 0 })).ParamName);
        Assert.Equal("ServiceCpu", Assert.Throws<ArgumentOutOfRangeException>(() => new UserfaultHostMemory(new UserfaultOptions { ServiceCpu = -1 })).ParamName);
        Assert.Equal("MaxStagingBlocks", Assert.Throws<ArgumentOutOfRangeException>(() => new UserfaultHostMemory(new UserfaultOptions { MaxStagingBlocks = 0 })).ParamName);
    }

    [Fact]
    public void AnAddressSpaceThatCannotBeReservedIsUnavailableNotACrash()
    {
        RealMemory.SkipIfUnavailable();
        var memories = new List<UserfaultHostMemory>();
        try
        {
            // 32 TiB each: the user half of the address space holds at most four.
            var failure = Assert.Throws<HostMemoryUnavailableException>(() =>
            {
                for (int i = 0; i < 5; i++)
                    memories.Add(new UserfaultHostMemory(new UserfaultOptions { CapacityBytes = 1L << 45 }));
            });
            Assert.Contains("address space", failure.Message, StringComparison.Ordinal);
        }
        finally
        {
            memories.ForEach(memory => memory.Dispose());
        }
    }

    [Fact]
    public void AllocatingBeforeConnectingIsABug()
    {
        using UserfaultHostMemory memory = RealMemory.Open();
        Assert.Throws<InvalidOperationException>(() => memory.Allocate(1, out _));
        using var client = new BlockClient();
        _ = client.Start(memory, PageOrder.Small, 1);
        Assert.Throws<InvalidOperationException>(() => memory.Connect(client));
    }

    [Fact]
    public void OpeningAndClosingLeavesNoDescriptorAndNoThread()
    {
        RealMemory.SkipIfUnavailable();
        Cycle(); // Warm: the runtime opens files of its own.
        int descriptors = Directory.GetFiles("/proc/self/fd").Length;
        for (int i = 0; i < 20; i++)
            Cycle();
        Assert.True(Directory.GetFiles("/proc/self/fd").Length < descriptors + 20, "descriptors leak");
        static void Cycle()
        {
            using UserfaultHostMemory memory = RealMemory.Open(new UserfaultOptions { CapacityBytes = 8 << 20 });
            using var client = new BlockClient();
            RealMemory.CpuFill(client.Start(memory, PageOrder.Small, 1), 1);
        }
    }

    [Fact]
    public void WhenTheHeapIsFullTheAnswerIsOutOfMemoryAndFreeingHelps()
    {
        using UserfaultHostMemory memory = RealMemory.Open(new UserfaultOptions { CapacityBytes = 16 << 20 });
        using var client = new BlockClient();
        _ = client.Start(memory, PageOrder.Small, 1);
        var taken = new List<AddressRange>();
        SvmStatus status;
        while ((status = memory.Allocate(1 << 20, out AddressRange interval)) == SvmStatus.Done)
            taken.Add(interval);
        Assert.Equal(SvmStatus.OutOfHostMemory, status);
        Assert.InRange(taken.Count, 8, 14);
        taken.ForEach(interval => Assert.Equal(SvmStatus.Done, memory.Free(interval)));
        for (int i = 0; i < taken.Count; i++)
            Assert.Equal(SvmStatus.Done, memory.Allocate(1 << 20, out _)); // All of it came back, guards included.
    }

    [Fact]
    public void LargeAllocationsAreAlignedAndGuarded()
    {
        using UserfaultHostMemory memory = RealMemory.Open();
        using var client = new BlockClient();
        _ = client.Start(memory, PageOrder.Small, 1);
        var all = new List<AddressRange>();
        foreach (long bytes in new long[] { 1, 5000, 2 << 20, 4096, (2 << 20) + 1, 3 << 20, 100_000, (2 << 20) - 1 })
        {
            Assert.Equal(SvmStatus.Done, memory.Allocate(bytes, out AddressRange interval));
            if (bytes >= PageSize.HugeBytes)
                Assert.True(interval.Start.IsAligned(PageOrder.Huge));
            all.Add(interval);
        }

        AddressRange[] sorted = [.. all.OrderBy(interval => interval.Start)];
        for (int i = 1; i < sorted.Length; i++)
            Assert.True(sorted[i].Start - sorted[i - 1].End >= PageSize.Bytes, $"no guard between {sorted[i - 1]} and {sorted[i]}");
    }

    [Fact]
    public void TheDoctorHasARemedyForEachLack()
    {
        IReadOnlyList<ProbeResult> results = LinuxProbe.Run();
        Assert.Equal(results.Count, results.Select(result => result.Name).Distinct().Count());
        Assert.All(results, result => Assert.NotEmpty(result.Detail));
        Assert.All(results, result => Assert.True(result.IsOk || result.Remedy.Length > 0, $"{result.Name} has no remedy"));
        ProbeResult real = results.Single(result => result.Name == "real shared memory");
        Assert.Equal(RealMemory.Unavailable is null, real.IsOk);
    }
}
