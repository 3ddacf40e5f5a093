// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Host;

/// <summary>Which pages a migration to a device collects. Kernel: the flags and pgmap_owner of struct migrate_vma.</summary>
/// <param name="System">Pages in RAM, and pages that are nowhere: they become frames of zeroes.</param>
/// <param name="PeerOwner">Pages on other devices of this owner group; 0 takes none.</param>
/// <param name="Target">The index of the pagemap they go to: pages that are there already are not collected. -1 for none.</param>
/// <param name="AllOrNothing">Whether one page that cannot be had ends the migration; otherwise it is left out.</param>
/// <param name="ExactRights">Whether the right to write is looked up page by page; otherwise the mapping's counts for all of them.</param>
/// <param name="Owner">Who migrates, as events say it: <see cref="MmuEvent.Owner"/>.</param>
public readonly record struct MigrationSelection(
    bool System, int PeerOwner = 0, int Target = -1, bool AllOrNothing = false, bool ExactRights = false, int Owner = 0);
