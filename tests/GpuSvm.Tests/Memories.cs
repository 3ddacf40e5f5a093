// SPDX-License-Identifier: MIT
namespace GpuSvm.Tests;

/// <summary>Opens shared memory for tests and skips by name what the machine cannot give.</summary>
internal static class Memories
{
    /// <summary>Opens a memory of a kind.</summary>
    /// <param name="kind">Real is skipped where the machine does not allow it.</param>
    /// <param name="deviceBytes">The device memory; small, so that tests evict.</param>
    /// <param name="units">Compute units.</param>
    /// <param name="chunkBytes">The largest piece that migrates.</param>
    /// <param name="migrate">Whether pages move.</param>
    /// <param name="counters">Whether those move that are hot.</param>
    /// <param name="withoutFaults">Whether launches name their memory.</param>
    /// <returns>The open memory.</returns>
    public static SharedMemory Open(MemoryKind kind, long deviceBytes = 8 << 20, int units = 2, int chunkBytes = 2 << 20, bool migrate = true, AccessCounterPolicy counters = AccessCounterPolicy.None, bool withoutFaults = false)
    {
        var options = new SharedMemoryOptions
        {
            Memory = kind,
            DeviceMemoryBytes = deviceBytes,
            CapacityBytes = 8L << 30,
            ComputeUnits = units,
            LargestChunkBytes = chunkBytes,
            Migrate = migrate,
            AccessCounters = counters,
            WithoutFaults = withoutFaults,
        };
        try
        {
            return SharedMemory.Create(options);
        }
        catch (SharedMemoryException unavailable) when (kind == MemoryKind.Real && unavailable.Status == StatusCode.NotSupported)
        {
            Assert.Skip($"needs userfaultfd: {unavailable.Message}");
            throw;
        }
    }

    /// <summary>Runs a kernel and waits.</summary>
    /// <param name="memory">The memory.</param>
    /// <param name="groups">How many groups.</param>
    /// <param name="body">The kernel.</param>
    public static void Run(this SharedMemory memory, nint groups, KernelBody body)
    {
        using Launch launch = memory.Launch(body, groups);
        Assert.True(launch.Wait(TimeSpan.FromSeconds(60)), "the launch still runs after a minute");
    }
}
