// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Workloads;

/// <summary>
/// Private tile buffers of the compute units. Each unit is a thread of its own, so a buffer per thread is a buffer per unit, and lasts from group to
/// group: what a GPU calls shared memory of a block.
/// </summary>
/// <typeparam name="T">Element type.</typeparam>
internal static class UnitBuffer<T>
    where T : unmanaged
{
    /// <summary>This thread's buffers by slot.</summary>
    [ThreadStatic]
    private static T[]?[]? _slots;

    /// <summary>A buffer of this unit; its contents are whatever the unit's last use left.</summary>
    /// <param name="slot">Which one, 0 to 7; different slots never overlap.</param>
    /// <param name="length">Elements wanted.</param>
    public static Span<T> Get(int slot, int length)
    {
        var slots = _slots ??= new T[]?[8];
        var buffer = slots[slot];
        if (buffer is null || buffer.Length < length)
            slots[slot] = buffer = GC.AllocateUninitializedArray<T>(length, pinned: true);
        return buffer.AsSpan(0, length);
    }
}
