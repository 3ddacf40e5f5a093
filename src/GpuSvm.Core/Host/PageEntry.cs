// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Host;

/// <summary>
/// What the host address space knows of one page that Linux cannot know. The default value means "ask the host memory"; otherwise the page's bytes are on a
/// device, a device has taken the page from the CPU for itself alone, or a claim holds it. Kernel: a swap-type page-table entry (device private, device exclusive, migration).
/// </summary>
/// <param name="Bits">Bits 0 device, 1 migrating, 2 somebody waits, 3 dropped meanwhile, 4 writable (a device page), 5 exclusive, 6 taken; 8 to 15 the pagemap; 16 to 47 the
/// frame, or for an exclusive page its place among the holds; 48 to 63 who claims it.</param>
public readonly record struct PageEntry(ulong Bits)
{
    private const ulong DeviceBit = 1;
    private const ulong MigratingBit = 2;
    private const ulong WaiterBit = 4;
    private const ulong DroppedBit = 8;
    private const ulong WritableBit = 16;
    private const ulong ExclusiveBit = 32;
    private const ulong TakenBit = 64;
    private const int ClaimerShift = 48;
    private const ulong ClaimBits = MigratingBit | WaiterBit | DroppedBit | TakenBit | (0xFFFFUL << ClaimerShift);

    /// <summary>The highest number that a claimer may have.</summary>
    internal const int MaxClaimer = 0xFFFF;

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

    /// <summary>Whether the page's bytes are in RAM, in a block that no CPU thread can see, and one owner's devices alone work on them.</summary>
    public bool IsExclusive => (Bits & ExclusiveBit) != 0;

    /// <summary>Whether a claim has the page's bytes in its hands: they are in no page table. Only for a claimed page that was the host's.</summary>
    internal bool IsTaken => (Bits & TakenBit) != 0;

    /// <summary>Who claims the page; only for a claimed page.</summary>
    internal int Claimer => (int)(Bits >> ClaimerShift);

    /// <summary>Which hold an exclusive page belongs to.</summary>
    internal int Hold => (int)(Bits >> 25) & 0x7F_FFFF;

    /// <summary>The page's index in the staging block of its hold; only for an exclusive page.</summary>
    internal int HoldPage => (int)(Bits >> 16) & 511;

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

    /// <summary>The entry of a page in RAM that devices have for themselves.</summary>
    /// <param name="hold">The hold, below 2^23.</param>
    /// <param name="page">The page's index in the hold's block.</param>
    /// <returns>The entry.</returns>
    internal static PageEntry InHold(int hold, int page) => new(ExclusiveBit | WritableBit | ((ulong)(uint)hold << 25) | ((ulong)(uint)page << 16));

    /// <summary>The same page, claimed.</summary>
    /// <param name="claimer">By whom, 0 to <see cref="MaxClaimer"/>.</param>
    /// <returns>The entry.</returns>
    internal PageEntry AsClaimed(int claimer) => new(Bits | MigratingBit | ((ulong)claimer << ClaimerShift));

    /// <summary>The same page, with a note that its claimer has its bytes.</summary>
    /// <returns>The entry.</returns>
    internal PageEntry AsTaken() => new(Bits | TakenBit);

    /// <summary>The same page, with a note that somebody waits.</summary>
    /// <returns>The entry.</returns>
    public PageEntry WithWaiter() => new(Bits | WaiterBit);

    /// <summary>The same page, with a note that its bytes are to be forgotten.</summary>
    /// <returns>The entry.</returns>
    public PageEntry AsDropped() => new(Bits | DroppedBit);

    /// <summary>The entry as it was before it was claimed.</summary>
    /// <returns>The entry.</returns>
    public PageEntry Settled() => new(Bits & ~ClaimBits);
}
