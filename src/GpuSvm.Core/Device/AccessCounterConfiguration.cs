// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Device;

/// <summary>What a device is to count in one GPU address space.</summary>
/// <param name="Granularity">The size of the regions that are counted each for itself: <see cref="PageOrder.Medium"/> (64 KiB) or <see cref="PageOrder.Huge"/> (2 MiB).</param>
/// <param name="Threshold">Accesses of a region after which it is told of, 1 to <see cref="MaxThreshold"/>.</param>
/// <param name="CountsOwnMemory">Whether accesses of the device's own memory count too, not only those of memory elsewhere.</param>
public readonly record struct AccessCounterConfiguration(PageOrder Granularity, int Threshold, bool CountsOwnMemory = false)
{
    /// <summary>The highest threshold: what NVIDIA's hardware takes (uvm_perf_access_counter_threshold).</summary>
    public const int MaxThreshold = 65_535;

    /// <summary>Checks the values.</summary>
    /// <exception cref="ArgumentException">One is out of its range; the message names the remedy.</exception>
    public void Validate()
    {
        if (Granularity != PageOrder.Medium && Granularity != PageOrder.Huge)
            throw new ArgumentException($"Accesses cannot be counted for regions of {Granularity.Bytes} bytes: choose {PageOrder.Medium.Bytes} or {PageOrder.Huge.Bytes}.");
        if (Threshold is < 1 or > MaxThreshold)
            throw new ArgumentException($"An access counter threshold of {Threshold} is not possible: choose 1 to {MaxThreshold}.");
    }
}
