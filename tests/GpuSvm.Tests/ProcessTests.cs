// SPDX-License-Identifier: MIT
using System.Diagnostics;

namespace GpuSvm.Tests;

/// <summary>Other programs that a .NET program starts.</summary>
public class ProcessTests
{
    [Fact]
    public void AProgramStartedWhileMemoryIsOnTheDeviceLeavesItThere()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Real);
        using SharedArray<long> array = memory.Allocate<long>(1 << 18);
        for (nint i = 0; i < array.Length; i++)
            array[i] = i;
        Assert.Equal(2 << 20, memory.Prefetch(array, 0, array.Length, MemoryLocation.Device));
        long used = memory.Statistics.DeviceBytesUsed;
        for (int round = 0; round < 10; round++)
        {
            using Process process = Process.Start("/bin/true");
            Assert.True(process.WaitForExit(60_000), "the program does not end");
            Assert.Equal(0, process.ExitCode);
        }

        Assert.Equal(used, memory.Statistics.DeviceBytesUsed);
        for (nint i = 0; i < array.Length; i++)
            Assert.Equal(i, array[i]);
    }
}
