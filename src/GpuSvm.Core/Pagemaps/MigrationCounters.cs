// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Core.Pagemaps;

/// <summary>What moved between RAM and one device. Monotonic; read without locks, each value by itself.</summary>
public sealed class MigrationCounters
{
    private long _bytesToDevice;
    private long _bytesCleared;
    private long _bytesToRam;
    private long _blocksToDevice;
    private long _blocksToRam;
    private long _evictions;
    private long _neighbourPages;
    private long _bytesCopied;

    /// <summary>Bytes copied to the device.</summary>
    public long BytesToDevice => Interlocked.Read(ref _bytesToDevice);

    /// <summary>Bytes of pages that became frames of zeroes without a copy.</summary>
    public long BytesCleared => Interlocked.Read(ref _bytesCleared);

    /// <summary>Bytes copied to RAM.</summary>
    public long BytesToRam => Interlocked.Read(ref _bytesToRam);

    /// <summary>Migrations to the device.</summary>
    public long BlocksToDevice => Interlocked.Read(ref _blocksToDevice);

    /// <summary>Migrations to RAM.</summary>
    public long BlocksToRam => Interlocked.Read(ref _blocksToRam);

    /// <summary>Allocations emptied to make room.</summary>
    public long Evictions => Interlocked.Read(ref _evictions);

    /// <summary>Pages that left along with a victim, because the eviction policy wanted it.</summary>
    public long NeighbourPages => Interlocked.Read(ref _neighbourPages);

    /// <summary>Bytes copied to the device of pages that stayed in RAM; not among <see cref="BytesToDevice"/>.</summary>
    public long BytesDuplicated => Interlocked.Read(ref _bytesCopied);

    /// <summary>Bytes that each migration to the device brought.</summary>
    public Histogram SizesToDevice { get; } = new();

    /// <summary>Bytes that each migration to RAM brought.</summary>
    public Histogram SizesToRam { get; } = new();

    /// <summary>Counts pages that left along with a victim.</summary>
    /// <param name="pages">How many.</param>
    internal void CountNeighbours(int pages) => Interlocked.Add(ref _neighbourPages, pages);

    /// <summary>Counts copies of pages that stayed in RAM.</summary>
    /// <param name="pages">How many.</param>
    internal void CountCopied(int pages) => Interlocked.Add(ref _bytesCopied, (long)pages << PageSize.Shift);

    /// <summary>Counts a migration to the device.</summary>
    /// <param name="copied">Pages copied.</param>
    /// <param name="arrived">Pages that live there now.</param>
    internal void CountToDevice(int copied, int arrived)
    {
        Interlocked.Add(ref _bytesToDevice, (long)copied << PageSize.Shift);
        Interlocked.Add(ref _bytesCleared, (long)Math.Max(0, arrived - copied) << PageSize.Shift);
        Interlocked.Increment(ref _blocksToDevice);
        SizesToDevice.Record((long)arrived << PageSize.Shift);
    }

    /// <summary>Counts a migration to RAM.</summary>
    /// <param name="pages">Pages copied.</param>
    internal void CountToRam(int pages)
    {
        Interlocked.Add(ref _bytesToRam, (long)pages << PageSize.Shift);
        Interlocked.Increment(ref _blocksToRam);
        SizesToRam.Record((long)pages << PageSize.Shift);
    }

    /// <summary>Counts an eviction.</summary>
    internal void CountEviction() => Interlocked.Increment(ref _evictions);
}
