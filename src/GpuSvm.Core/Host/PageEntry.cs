// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Host;

/// <summary>
/// What the host address space knows of one page that Linux cannot know. The default value means "ask the host memory"; otherwise the page's bytes are on a
/// device, or a migration holds it. Kernel: a swap-type page-table entry (device private, migration).
/// </summary>
/// <param name="Bits">Bits 0 device, 1 migrating, 2 somebody waits, 3 dropped meanwhile, 4 writable (a device page); 8 to 15 the pagemap; 16 to 47 the frame.</param>
public readonly record struct PageEntry(ulong Bits)
{
    private const ulong DeviceBit = 1;
    private const ulong MigratingBit = 2;
    private const ulong WaiterBit = 4;
    private const ulong DroppedBit = 8;
    private const ulong WritableBit = 16;

    /// <summary>Whether the page's bytes are in a device frame.</summary>
    public bool IsDevice => (Bits & DeviceBit) != 0;

    /// <summary>Whether a migration or population holds the page; everybody else waits.</summary>
    public bool IsMigrating => (Bits & MigratingBit) != 0;

    /// <summary>Whether somebody waits for the migration's end.</summary>
    public bool HasWaiter => (Bits & WaiterBit) != 0;

    /// <summary>Whether the page was unmapped or discarded while the migration held it: its bytes are to be forgotten at the end.</summary>
    public bool IsDropped => (Bits & DroppedBit) != 0;

    /// <summary>Whether a device may write the page where it is; only for a device page. False for a page that was not writable when it left.</summary>
    public bool IsWritable => (Bits & WritableBit) != 0;

    /// <summary>Whether nothing is known: the host memory answers for the page.</summary>
    public bool IsHost => Bits == 0;

    /// <summary>The pagemap's index; only for a device page.</summary>
    public int Pagemap => (int)(Bits >> 8) & 255;

    /// <summary>The device frame; only for a device page.</summary>
    public DeviceFrame Frame => new((int)(Bits >> 16));

    /// <summary>The entry of a page on a device.</summary>
    /// <param name="pagemap">The pagemap's index, 0 to 255.</param>
    /// <param name="frame">The frame.</param>
    /// <param name="writable">Whether the device may write it there.</param>
    /// <returns>The entry.</returns>
    public static PageEntry OnDevice(int pagemap, DeviceFrame frame, bool writable = true) =>
        new(DeviceBit | (writable ? WritableBit : 0) | ((ulong)pagemap << 8) | ((ulong)(uint)frame.Number << 16));

    /// <summary>The same device page, writable: what a write fault makes of it where the mapping allows writing.</summary>
    /// <returns>The entry.</returns>
    public PageEntry AsWritable() => new(Bits | WritableBit);

    /// <summary>The same device page, not to be written: what a change of protection makes of it, until a fault has looked at the mapping again.</summary>
    /// <returns>The entry.</returns>
    public PageEntry AsReadOnly() => new(Bits & ~WritableBit);

    /// <summary>The same page, held by a migration.</summary>
    /// <returns>The entry.</returns>
    public PageEntry AsMigrating() => new(Bits | MigratingBit);

    /// <summary>The same page, with a note that somebody waits.</summary>
    /// <returns>The entry.</returns>
    public PageEntry WithWaiter() => new(Bits | WaiterBit);

    /// <summary>The same page, with a note that its bytes are to be forgotten.</summary>
    /// <returns>The entry.</returns>
    public PageEntry AsDropped() => new(Bits | DroppedBit);

    /// <summary>The entry as it was before a migration held it.</summary>
    /// <returns>The entry.</returns>
    public PageEntry Settled() => new(Bits & ~(MigratingBit | WaiterBit | DroppedBit));
}
