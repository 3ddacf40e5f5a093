// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Vm;

/// <summary>Pages in a row of which the same is to be said.</summary>
/// <param name="Interval">The pages.</param>
/// <param name="Advice">What the program has advised of them.</param>
/// <param name="Place">Where they are.</param>
/// <param name="Device">The number in the VM of the device that has them; -1 if none of it has.</param>
/// <param name="CopiedTo">The devices that have copies to read, while the pages are in RAM: bit i for device i of the VM.</param>
public readonly record struct MemoryRun(AddressRange Interval, MemoryAdvice Advice, PagePlace Place, int Device, ulong CopiedTo = 0) : IPageRun<MemoryRun>
{
    /// <inheritdoc/>
    MemoryRun IPageRun<MemoryRun>.Over(AddressRange interval) => this with { Interval = interval };
}
