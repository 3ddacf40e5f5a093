// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Addressing;

/// <summary>The base page of the machine: 4 KiB, the unit of every frame, order and page count here.</summary>
public static class PageSize
{
    /// <summary>log2 of <see cref="Bytes"/>.</summary>
    public const int Shift = 12;

    /// <summary>Bytes in a base page.</summary>
    public const int Bytes = 1 << Shift;

    /// <summary>Base pages in a huge (2 MiB) page.</summary>
    public const int PagesPerHuge = 512;

    /// <summary>Bytes in a huge page, 2 MiB.</summary>
    public const int HugeBytes = Bytes * PagesPerHuge;

    /// <summary>The number of whole pages that hold so many bytes.</summary>
    /// <param name="bytes">Bytes, not negative.</param>
    /// <returns>Pages, rounded up.</returns>
    public static long PagesFor(long bytes) => (bytes + Bytes - 1) >> Shift;
}
