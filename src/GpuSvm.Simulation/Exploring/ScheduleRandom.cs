// SPDX-License-Identifier: MIT
using GpuSvm.Core.Policies;

namespace GpuSvm.Simulation.Exploring;

/// <summary>Random numbers that are the same for a seed on every machine (splitmix64, Steele and others, OOPSLA 2014).</summary>
/// <param name="seed">Where they begin.</param>
public struct ScheduleRandom(ulong seed)
{
    private ulong _state = seed;

    /// <summary>The next number.</summary>
    /// <returns>Any 64 bits.</returns>
    public ulong Next() => SeededNumbers.Mix(_state += SeededNumbers.Step);

    /// <summary>The next number below a limit.</summary>
    /// <param name="limit">At least 1.</param>
    /// <returns>0 to limit - 1.</returns>
    public int Below(int limit) => (int)((Next() >> 33) % (uint)limit);
}
