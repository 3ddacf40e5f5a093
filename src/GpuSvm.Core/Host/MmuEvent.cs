// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Host;

/// <summary>One change of the host address space, as notifiers hear of it. Kernel: struct mmu_notifier_range.</summary>
/// <param name="Interval">What changes; page aligned.</param>
/// <param name="Kind">Why.</param>
/// <param name="Cause">On whose behalf, for a migration.</param>
public readonly record struct MmuEvent(AddressRange Interval, MmuEventKind Kind, MigrationCause Cause = MigrationCause.None);
