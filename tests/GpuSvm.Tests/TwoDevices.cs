// SPDX-License-Identifier: MIT
namespace GpuSvm.Tests;

/// <summary>Memories with two small devices.</summary>
internal static class TwoDevices
{
    /// <summary>Opens one; real is skipped where the machine does not allow it.</summary>
    public static SharedMemory Open(MemoryKind kind, int chunkBytes = 4096, bool migrate = true)
    {
        Memories.Open(kind).Dispose(); // Skips where there is none.
        return SharedMemory.Create(new SharedMemoryOptions { Memory = kind, DeviceCount = 2, DeviceMemoryBytes = 8 << 20, ComputeUnits = 2, LargestChunkBytes = chunkBytes, Migrate = migrate });
    }
}
