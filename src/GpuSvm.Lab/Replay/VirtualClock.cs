// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Replay;

/// <summary>The time of a replayed machine: it stands still but for what the cost model charges. It is the clock of the host address space too, so policies see this time.</summary>
internal sealed class VirtualClock : TimeProvider
{
    /// <summary>Picoseconds in a nanosecond.</summary>
    public const double PicosecondsPerNanosecond = 1000;

    private const long PicosecondsPerTick = 100_000;

    private readonly long[] _spent = new long[Enum.GetValues<ReplayCost>().Length];
    private long _picoseconds;

    /// <summary>Nanoseconds since the machine was made.</summary>
    public long Nanoseconds => _picoseconds / (long)PicosecondsPerNanosecond;

    /// <summary>Picoseconds since the machine was made.</summary>
    public long Picoseconds => _picoseconds;

    /// <inheritdoc/>
    public override long TimestampFrequency => 1_000_000_000;

    /// <inheritdoc/>
    public override long GetTimestamp() => Nanoseconds;

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddTicks(_picoseconds / PicosecondsPerTick);

    /// <summary>Lets time pass.</summary>
    /// <param name="cost">For what.</param>
    /// <param name="picoseconds">How much.</param>
    public void Charge(ReplayCost cost, long picoseconds)
    {
        _picoseconds += picoseconds;
        _spent[(int)cost] += picoseconds;
    }

    /// <summary>How much time has gone to something.</summary>
    /// <param name="cost">What.</param>
    /// <returns>Picoseconds.</returns>
    public long Spent(ReplayCost cost) => _spent[(int)cost];
}
