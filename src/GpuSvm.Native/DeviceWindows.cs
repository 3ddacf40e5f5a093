// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Native;

/// <summary>Gives out GPU addresses above the mirror of the CPU's: for memory that is shown at addresses of its own.</summary>
/// <remarks>Locking: <see cref="_gate"/> guards the list; nothing is called under it.</remarks>
internal sealed class DeviceWindows
{
    /// <summary>The first of these addresses: below it lies the mirror, and a program's own.</summary>
    public const ulong First = 1UL << 47;

    /// <summary>The address behind the last one.</summary>
    public const ulong End = 1UL << 48;

    private static readonly AddressRange _all = new(new VirtualAddress(First), new VirtualAddress(End));

    private readonly Lock _gate = new();
    private readonly List<AddressRange> _taken = []; // In address order.

    /// <summary>Takes the first addresses that are free, at the same offset in 2 MiB as the program's own, so that large pages stay large.</summary>
    /// <param name="interval">The program's memory, page aligned.</param>
    /// <param name="start">The first address.</param>
    /// <returns>False if there are not as many free.</returns>
    public bool TryTake(AddressRange interval, out VirtualAddress start)
    {
        long offset = interval.Start - interval.Start.AlignDown(PageOrder.Huge);
        lock (_gate)
        {
            start = _all.Start + offset;
            int index = 0;
            for (; index < _taken.Count && start + interval.Bytes > _taken[index].Start; index++)
                start = (_taken[index].End + (PageSize.HugeBytes - 1)).AlignDown(PageOrder.Huge) + offset;
            if (interval.Bytes > _all.End - start)
                return false;
            _taken.Insert(index, AddressRange.OfBytes(start, interval.Bytes));
            return true;
        }
    }

    /// <summary>Gives addresses back.</summary>
    /// <param name="start">What <see cref="TryTake"/> gave.</param>
    public void GiveBack(VirtualAddress start)
    {
        lock (_gate)
            _taken.RemoveAll(taken => taken.Start == start);
    }
}
