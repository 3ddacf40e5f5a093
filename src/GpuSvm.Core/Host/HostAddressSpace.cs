// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Host;

/// <summary>The mm. (Being written.)</summary>
public sealed class HostAddressSpace
{
}
