// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Replay;

/// <summary>One direction of a link: a transfer takes a latency and then its bytes at full speed, so that small transfers get a small part of it.</summary>
/// <param name="LatencyNanoseconds">Before the first byte, for each transfer.</param>
/// <param name="GigabytesPerSecond">10^9 bytes a second, of a transfer without end.</param>
public readonly record struct LinkCost(double LatencyNanoseconds, double GigabytesPerSecond)
{
    /// <summary>The time of a transfer.</summary>
    /// <param name="bytes">Its bytes.</param>
    /// <returns>Picoseconds.</returns>
    public long Picoseconds(long bytes) => (long)((LatencyNanoseconds * VirtualClock.PicosecondsPerNanosecond) + BytesPicoseconds(bytes));

    /// <summary>The time of bytes alone.</summary>
    /// <param name="bytes">How many.</param>
    /// <returns>Picoseconds.</returns>
    public double BytesPicoseconds(long bytes) => bytes * VirtualClock.PicosecondsPerNanosecond / GigabytesPerSecond;
}
