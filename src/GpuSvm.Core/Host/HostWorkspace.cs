// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.Core.Host;

/// <summary>
/// Scratch arrays for one interval of at most 512 pages, and one migration, so that the fault path allocates nothing. Rented from
/// <see cref="HostAddressSpace.RentWorkspace"/>, used by one thread at a time.
/// </summary>
public sealed class HostWorkspace
{
    /// <summary>Creates a workspace of an address space.</summary>
    /// <param name="host">The address space its migration works on.</param>
    internal HostWorkspace(HostAddressSpace host)
    {
        Migration = new PageMigration(host);
        Array.Fill(AllPages, true);
    }

    /// <summary>Page entries, by page of the interval.</summary>
    public PageEntry[] Entries { get; } = new PageEntry[PageSize.PagesPerHuge];

    /// <summary>What the host memory said, by page.</summary>
    public HostPage[] Pages { get; } = new HostPage[PageSize.PagesPerHuge];

    /// <summary>What an HMM walk found, by page.</summary>
    public HmmFrame[] Frames { get; } = new HmmFrame[PageSize.PagesPerHuge];

    /// <summary>Device mappings in the making, dense.</summary>
    public DeviceAddress[] Addresses { get; } = new DeviceAddress[PageSize.PagesPerHuge];

    /// <summary>True for every page: the claim of a whole interval. Never written.</summary>
    internal bool[] AllPages { get; } = new bool[PageSize.PagesPerHuge];

    /// <summary>A migration, idle between uses.</summary>
    public PageMigration Migration { get; }
}
