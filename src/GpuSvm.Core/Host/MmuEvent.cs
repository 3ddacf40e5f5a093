// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Host;

/// <summary>One change of the host address space, as notifiers hear of it. Kernel: struct mmu_notifier_range.</summary>
/// <param name="Interval">What changes; page aligned.</param>
/// <param name="Kind">Why.</param>
/// <param name="Cause">On whose behalf, for a migration.</param>
/// <param name="Owner">Who makes the change, for a migration or an exclusive entry: its own notifier may leave it alone. 0 is nobody in particular.</param>
/// <param name="MayBlock">Whether notifiers may wait. If not, one that would have to refuses, and the change is not made .</param>
/// <param name="Pagemap">For <see cref="MmuEventKind.DropCopies"/>: in whose frames the copies lie.</param>
public readonly record struct MmuEvent(
    AddressRange Interval, MmuEventKind Kind, MigrationCause Cause = MigrationCause.None, int Owner = 0, bool MayBlock = true, int Pagemap = -1);
