// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Diagnostics;

/// <summary>Where pages are, as events say it: a device by its pagemap's index in the address space, or one of these.</summary>
public static class SvmPlace
{
    /// <summary>System memory.</summary>
    public const short Ram = -1;

    /// <summary>Nowhere in particular.</summary>
    public const short None = -2;
}
