// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Host;

/// <summary>What an HMM walk found at one page, packed into 8 bytes. Kernel: the unsigned long of hmm_range.hmm_pfns.</summary>
/// <remarks>Bits 0 valid, 1 writable, 2 device, 3 zero page, 4 busy, 5 error, 6 exclusive, 7 copy; 8 to 11 the CPU entry's order; 12 to 51 the host page's address or the device
/// frame's number; 52 to 59 the pagemap.</remarks>
public readonly record struct HmmFrame
{
    private const ulong ValidBit = 1;
    private const ulong WritableBit = 2;
    private const ulong DeviceBit = 4;
    private const ulong ZeroBit = 8;
    private const ulong BusyBit = 16;
    private const ulong ErrorBit = 32;
    private const ulong ExclusiveBit = 64;
    private const ulong CopyBit = 128;
    private const ulong AddressMask = 0x000F_FFFF_FFFF_F000;

    private readonly ulong _bits;

    /// <summary>Packs the given bits.</summary>
    /// <param name="bits">As described above.</param>
    private HmmFrame(ulong bits) => _bits = bits;

    /// <summary>Nothing there: absent, and nobody holds it.</summary>
    public static HmmFrame Absent => default;

    /// <summary>A migration holds the page.</summary>
    public static HmmFrame Busy => new(BusyBit);

    /// <summary>No mapping, or one that may not be read: nothing can ever be there as things stand. Kernel: HMM_PFN_ERROR.</summary>
    public static HmmFrame Error => new(ErrorBit);

    /// <summary>Whether nothing can be there: no mapping, or one that may not be read.</summary>
    public bool IsError => (_bits & ErrorBit) != 0;

    /// <summary>Whether the page, though in RAM, is the asking owner's alone: its devices' atomics are atomic.</summary>
    public bool IsExclusive => (_bits & ExclusiveBit) != 0;

    /// <summary>Whether there is a page the caller may map.</summary>
    public bool IsValid => (_bits & ValidBit) != 0;

    /// <summary>Whether the CPU's entry allows writing.</summary>
    public bool IsWritable => (_bits & WritableBit) != 0;

    /// <summary>Whether it is a device page.</summary>
    public bool IsDevice => (_bits & DeviceBit) != 0;

    /// <summary>Whether it is the page of zeroes.</summary>
    public bool IsZero => (_bits & ZeroBit) != 0;

    /// <summary>Whether it is a device's copy of a page that stays in RAM.</summary>
    public bool IsCopy => (_bits & CopyBit) != 0;

    /// <summary>Whether a migration holds the page.</summary>
    public bool IsBusy => (_bits & BusyBit) != 0;

    /// <summary>The order of the CPU's entry, or of the device block that the page lies in at its own place.</summary>
    public PageOrder Order => new((byte)((_bits >> 8) & 15));

    /// <summary>Where DMA reaches the page; only for a host page.</summary>
    public DmaPointer Pointer => new((nint)(_bits & AddressMask));

    /// <summary>The frame; only for a device page.</summary>
    public DeviceFrame Frame => new((int)((_bits & AddressMask) >> PageSize.Shift));

    /// <summary>The pagemap's index; only for a device page.</summary>
    public int Pagemap => (int)(_bits >> 52) & 255;

    /// <summary>The frame of a page in RAM.</summary>
    /// <param name="page">What the host memory says.</param>
    /// <returns>The frame; <see cref="Absent"/> for an absent page.</returns>
    public static HmmFrame OfHost(in HostPage page) => !page.IsPresent
        ? Absent
        : new HmmFrame(((ulong)page.Pointer.Value & AddressMask) | ((ulong)page.Order.Value << 8) | ValidBit
            | (page.IsWritable ? WritableBit : 0) | (page.IsZero ? ZeroBit : 0));

    /// <summary>The frame of a page on a device the caller may see.</summary>
    /// <param name="entry">The page's entry.</param>
    /// <param name="mappingIsWritable">Whether the program may write there; if not, no device may.</param>
    /// <param name="order">The order of the block it lies in at its own place.</param>
    /// <returns>The frame.</returns>
    internal static HmmFrame OfDevice(PageEntry entry, bool mappingIsWritable, PageOrder order) =>
        new(((ulong)(uint)entry.Frame.Number << PageSize.Shift) | ((ulong)entry.Pagemap << 52) | ((ulong)order.Value << 8)
            | ValidBit | (entry.IsWritable && mappingIsWritable ? WritableBit : 0) | DeviceBit);

    /// <summary>The frame of a device's copy of a page that stays in RAM.</summary>
    /// <param name="pagemap">The pagemap's index.</param>
    /// <param name="frame">The frame the copy lies in.</param>
    /// <returns>The frame; only to be read.</returns>
    internal static HmmFrame OfCopy(int pagemap, DeviceFrame frame) =>
        new(((ulong)(uint)frame.Number << PageSize.Shift) | ((ulong)pagemap << 52) | ValidBit | DeviceBit | CopyBit);

    /// <summary>The frame of a page that the caller's devices have for themselves.</summary>
    /// <param name="pointer">Where it lies in its hold's block.</param>
    /// <param name="mappingIsWritable">Whether the program may write there; if not, no device may.</param>
    /// <returns>The frame.</returns>
    internal static HmmFrame OfHold(DmaPointer pointer, bool mappingIsWritable) =>
        new(((ulong)pointer.Value & AddressMask) | ValidBit | (mappingIsWritable ? WritableBit : 0) | ExclusiveBit);

    /// <summary>Whether another frame follows this one directly, in the same memory and with the same rights, so that one mapping may cover both.</summary>
    /// <param name="next">The frame of the next page.</param>
    /// <returns>True if it does.</returns>
    public bool IsFollowedBy(HmmFrame next) =>
        (next._bits & ~0xF00UL) == (_bits & ~0xF00UL) + PageSize.Bytes;

    /// <summary>The frame's position in its memory, in pages, for alignment arithmetic.</summary>
    public ulong PagePosition => (_bits & AddressMask) >> PageSize.Shift;
}
