// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Pagemaps;

/// <summary>How a migration to a device is to be done. Kernel: struct drm_pagemap_migrate_details.</summary>
/// <param name="Timeslice">How long CPU faults do not take the pages away again; zero for no guarantee. Eviction does not care (INV-34).</param>
/// <param name="AllOrNothing">Whether the interval must end up in one block of its own, or nothing changes. Otherwise what can come comes, in as many blocks as it takes.</param>
/// <param name="CanMigrateSamePagemap">Whether pages that are on the device already may be moved into the new block, so that an interval in pieces becomes whole.</param>
/// <param name="IsPinned">Whether evictions take other pages first, as long as these stay.</param>
/// <param name="LargestBlock">No block is larger: what moves together later, when the CPU touches a page of it or it is evicted. Null for no limit; all or nothing has none.</param>
public readonly record struct MigrationDetails(
    TimeSpan Timeslice = default, bool AllOrNothing = false, bool CanMigrateSamePagemap = false, bool IsPinned = false, PageOrder? LargestBlock = null);
