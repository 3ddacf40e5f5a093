// SPDX-License-Identifier: MIT
using GpuSvm.Cli.Report;

namespace GpuSvm.Cli.Bench;

/// <summary>A group of figures that belong together, each measured beside its floor.</summary>
internal interface IBenchmark
{
    /// <summary>The group's title in the table.</summary>
    string Title { get; }

    /// <summary>Measures all rows of the group. A row that cannot be measured is there too, with the reason in its note.</summary>
    /// <param name="settings">How to measure.</param>
    /// <param name="placement">Gets one line for every placement of threads worth knowing.</param>
    /// <param name="progress">Told what goes on.</param>
    IEnumerable<BenchRow> Measure(BenchSettings settings, ICollection<string> placement, Progress progress);
}
