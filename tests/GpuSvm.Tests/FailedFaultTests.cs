// SPDX-License-Identifier: MIT
namespace GpuSvm.Tests;

/// <summary>The list of faults that were refused.</summary>
public sealed class FailedFaultTests
{
    [Theory]
    [InlineData(MemoryKind.Real)]
    [InlineData(MemoryKind.Portable)]
    public void EachIsToldOnceWithAddressAccessAndReason(MemoryKind kind)
    {
        using SharedMemory memory = Memories.Open(kind, units: 2);
        SharedArray<long> array = memory.Allocate<long>(512);
        nint outside = array.AddressOf(0, 1);
        array.Dispose(); // Nothing is mapped there any more.
        Assert.Empty(memory.TakeFailedFaults(out long dropped));
        using (Launch launch = memory.Launch(context => context.Store(outside + 64, 1L), 1))
        {
            KernelAccessException refused = Assert.Throws<KernelAccessException>(launch.Wait);
            Assert.Equal(outside + 64, refused.Address);
        }

        FailedFault fault = Assert.Single(memory.TakeFailedFaults(out dropped));
        Assert.Equal((outside + 64, StatusCode.NotMapped, KernelAccess.Write, 0L), (fault.Address, fault.Status, fault.Access, dropped));
        Assert.True(fault.Timestamp > TimeSpan.Zero);
        Assert.Empty(memory.TakeFailedFaults(out _));
    }
}
