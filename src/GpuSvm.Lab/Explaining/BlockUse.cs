// SPDX-License-Identifier: MIT
using System.Numerics;

namespace GpuSvm.Lab.Explaining;

/// <summary>What became of one block of addresses, or of several together. Bytes are those of pages; a piece is a sixteenth of a block, which is a page until blocks have grown.</summary>
public sealed class BlockUse
{
    /// <summary>How many pieces a block has; each has a bit in the masks.</summary>
    public const int Pieces = 16;

    /// <summary>Faults of devices.</summary>
    public long DeviceFaults { get; set; }

    /// <summary>Faults of CPU threads.</summary>
    public long CpuFaults { get; set; }

    /// <summary>Bytes that came to a device, copied or cleared.</summary>
    public long BytesToDevice { get; set; }

    /// <summary>Bytes that went back to RAM.</summary>
    public long BytesToRam { get; set; }

    /// <summary>Of these, the bytes that a CPU thread fetched.</summary>
    public long BytesFetchedHome { get; set; }

    /// <summary>Of these, the bytes that had to make room.</summary>
    public long BytesEvicted { get; set; }

    /// <summary>Bytes that came to a device again after they had made room.</summary>
    public long BytesReturned { get; set; }

    /// <summary>Migrations in either direction; of several blocks, those of each added up.</summary>
    public long Migrations { get; set; }

    /// <summary>Times that bytes came back after they had made room.</summary>
    public long Returns { get; set; }

    /// <summary>When bytes first came back, in nanoseconds of the axis.</summary>
    public long FirstReturn { get; set; }

    /// <summary>When they last did.</summary>
    public long LastReturn { get; set; }

    /// <summary>Pieces that left for room and have not come back.</summary>
    public uint AwayMask { get; set; }

    /// <summary>Accesses of devices that read.</summary>
    public long DeviceReads { get; set; }

    /// <summary>Accesses of devices that write, or do both at once.</summary>
    public long DeviceWrites { get; set; }

    /// <summary>Bytes of all accesses of devices.</summary>
    public long DeviceAccessBytes { get; set; }

    /// <summary>Accesses of devices while the pages were in RAM, and did not come.</summary>
    public long RemoteAccesses { get; set; }

    /// <summary>Accesses of CPU threads before the first of a device.</summary>
    public long CpuAccessesBefore { get; set; }

    /// <summary>Reads of CPU threads after that.</summary>
    public long CpuReadsAfter { get; set; }

    /// <summary>Writes of CPU threads after that.</summary>
    public long CpuWritesAfter { get; set; }

    /// <summary>Times that the thrash policy stepped in.</summary>
    public long ThrashingDetected { get; set; }

    /// <summary>Time that went to this block, in nanoseconds.</summary>
    public double Cost { get; set; }

    /// <summary>The launch in which a device first touched it; null for none.</summary>
    public long? FirstLaunch { get; set; }

    /// <summary>The number of that launch's kernel in the analysis; -1 for none.</summary>
    public int FirstKernel { get; set; } = -1;

    /// <summary>In how many launches a device touched it.</summary>
    public long Launches { get; set; }

    /// <summary>The last of these launches.</summary>
    public long? LastLaunch { get; set; }

    /// <summary>The launch after which a CPU thread first fetched it; null where none did.</summary>
    public long? FetchedAfter { get; set; }

    /// <summary>Pieces that a device has touched.</summary>
    public uint DeviceMask { get; set; }

    /// <summary>Pieces that CPU threads have touched after the first touch of a device.</summary>
    public uint CpuMask { get; set; }

    /// <summary>Pieces that CPU threads have touched at any time.</summary>
    public uint CpuMaskEver { get; set; }

    /// <summary>Pieces that have ever been on a device.</summary>
    public uint CameMask { get; set; }

    /// <summary>Pieces that are on a device.</summary>
    public uint ResidentMask { get; set; }

    /// <summary>Whether a device has touched it.</summary>
    public bool IsDeviceUsed => DeviceReads + DeviceWrites + DeviceFaults > 0;

    /// <summary>Pieces that anybody touched or that moved.</summary>
    public int LivePieces => BitOperations.PopCount(DeviceMask | CpuMaskEver | CameMask);

    /// <summary>Adds another's figures: a neighbour's, for a sum of an interval. Masks are left alone.</summary>
    /// <param name="other">The other.</param>
    public void Add(BlockUse other)
    {
        DeviceFaults += other.DeviceFaults;
        CpuFaults += other.CpuFaults;
        BytesToDevice += other.BytesToDevice;
        BytesToRam += other.BytesToRam;
        BytesFetchedHome += other.BytesFetchedHome;
        BytesEvicted += other.BytesEvicted;
        BytesReturned += other.BytesReturned;
        Migrations += other.Migrations;
        if (other.Returns > 0)
        {
            FirstReturn = Returns == 0 ? other.FirstReturn : Math.Min(FirstReturn, other.FirstReturn);
            LastReturn = Math.Max(LastReturn, other.LastReturn);
        }

        Returns += other.Returns;
        DeviceReads += other.DeviceReads;
        DeviceWrites += other.DeviceWrites;
        DeviceAccessBytes += other.DeviceAccessBytes;
        RemoteAccesses += other.RemoteAccesses;
        CpuAccessesBefore += other.CpuAccessesBefore;
        CpuReadsAfter += other.CpuReadsAfter;
        CpuWritesAfter += other.CpuWritesAfter;
        ThrashingDetected += other.ThrashingDetected;
        Cost += other.Cost;
        if (other.FirstLaunch is { } first && (FirstLaunch is null || first < FirstLaunch))
            (FirstLaunch, FirstKernel) = (first, other.FirstKernel);
        Launches = Math.Max(Launches, other.Launches);
        if (other.LastLaunch is { } last && (LastLaunch is null || last > LastLaunch))
            LastLaunch = last;
        if (other.FetchedAfter is { } after && (FetchedAfter is null || after > FetchedAfter))
            FetchedAfter = after;
    }

    /// <summary>Takes in a block that becomes the lower or the upper half of a block of twice the size, of which this is to be the whole.</summary>
    /// <param name="half">The block.</param>
    /// <param name="isUpper">Which half.</param>
    public void AddHalf(BlockUse half, bool isUpper)
    {
        Add(half);
        int shift = isUpper ? Pieces / 2 : 0;
        DeviceMask |= Pair(half.DeviceMask) << shift;
        CpuMask |= Pair(half.CpuMask) << shift;
        CpuMaskEver |= Pair(half.CpuMaskEver) << shift;
        CameMask |= Pair(half.CameMask) << shift;
        ResidentMask |= Pair(half.ResidentMask) << shift;
        AwayMask |= Pair(half.AwayMask) << shift;
    }

    /// <summary>Makes one bit of every two.</summary>
    /// <param name="mask">Sixteen bits.</param>
    /// <returns>Eight, each set if one of its two was.</returns>
    private static uint Pair(uint mask)
    {
        uint pairs = 0;
        for (int bit = 0; bit < Pieces; bit++)
            pairs |= ((mask >> bit) & 1) << (bit >> 1);
        return pairs;
    }
}
