// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Report;

/// <summary>Seconds that the GPU fault service spent in each of its stages, summed over all faults and service threads.</summary>
/// <param name="Find">Lookup and insertion of ranges.</param>
/// <param name="Migrate">Eviction and migration to the device.</param>
/// <param name="GetPages">Faulting host pages in and mapping them for the device.</param>
/// <param name="Bind">Writing the device's page table.</param>
internal sealed record StageSeconds(double Find, double Migrate, double GetPages, double Bind);
