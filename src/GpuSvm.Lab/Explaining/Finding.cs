// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Lab.Explaining;

/// <summary>An interval that cost time, and why.</summary>
/// <param name="Interval">Its addresses: whole blocks, cut at its allocation's ends.</param>
/// <param name="Name">What it is called, in words.</param>
/// <param name="Allocation">What it belongs to; null where the trace does not say.</param>
/// <param name="Pattern">What kind of trouble it has.</param>
/// <param name="Use">What became of all its blocks.</param>
/// <param name="Kernel">The kernel in which a device first touched it; empty for none.</param>
/// <param name="What">What happened, as a sentence without a full stop.</param>
/// <param name="Remedy">What to try, as a sentence without a full stop.</param>
public sealed record Finding(AddressRange Interval, string Name, Allocation? Allocation, UsePattern Pattern, BlockUse Use, string Kernel, string What, string Remedy);
