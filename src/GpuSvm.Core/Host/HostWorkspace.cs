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
    /// <param name="claimer">The number under which it claims pages, its own.</param>
    internal HostWorkspace(HostAddressSpace host, int claimer)
    {
        Migration = new PageMigration(host, claimer);
        Array.Fill(AllPages, true);
    }

    /// <summary>Page entries, by page of the interval.</summary>
    public PageEntry[] Entries { get; } = new PageEntry[PageSize.PagesPerHuge];

    /// <summary>What the host memory said, by page.</summary>
    public HostPage[] Pages { get; } = new HostPage[PageSize.PagesPerHuge];

    /// <summary>What an HMM walk found, by page.</summary>
    public HmmFrame[] Frames { get; } = new HmmFrame[PageSize.PagesPerHuge];

    /// <summary>What an HMM walk is asked for, by page; see <see cref="HmmQuery.Mask"/>.</summary>
    public HmmRequest[] Requests { get; } = new HmmRequest[PageSize.PagesPerHuge];

    /// <summary>How many pages the last HMM walk has described, from the first on.</summary>
    public int WalkedPages { get; internal set; }

    /// <summary>Device mappings in the making, dense.</summary>
    public DeviceAddress[] Addresses { get; } = new DeviceAddress[PageSize.PagesPerHuge];

    /// <summary>True for every page: the claim of a whole interval. Never written.</summary>
    internal bool[] AllPages { get; } = new bool[PageSize.PagesPerHuge];

    /// <summary>Nothing known, for every page: the outcome of a claim that has moved nothing. Never written.</summary>
    internal PageEntry[] NoEntries { get; } = new PageEntry[PageSize.PagesPerHuge];

    /// <summary>A migration, idle between uses.</summary>
    public PageMigration Migration { get; }
}
