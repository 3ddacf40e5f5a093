// SPDX-License-Identifier: MIT
using GpuSvm.Cli.Report;

namespace GpuSvm.Cli.Workloads;

/// <summary>
/// One algorithm on shared memory. The runner calls the four steps in order, each once: <see cref="Prepare"/> makes the input on private arrays,
/// <see cref="Fill"/> puts it into shared arrays with CPU threads through plain spans, <see cref="Solve"/> launches kernels, <see cref="Verify"/>
/// does the same work plainly on the private arrays and compares.
/// </summary>
/// <remarks>
/// Kernels work in tiles: they read and write some KiB at a time between shared memory and a buffer of their unit, and gather or scatter where the
/// access is irregular, because each call translates its addresses once per page and not once per element.
/// </remarks>
internal interface IWorkload
{
    /// <summary>The input in a few words, as "117,659 nodes, 377,592 edges (wordnet.edges.gz)"; set by <see cref="Prepare"/>.</summary>
    string Input { get; }

    /// <summary>Bytes of all shared arrays together; set by <see cref="Prepare"/>.</summary>
    long DataBytes { get; }

    /// <summary>Bytes that the algorithm as such reads and writes, counted while <see cref="Solve"/> runs; the numerator of effective GB/s.</summary>
    long TrafficBytes { get; }

    /// <summary>How <see cref="TrafficBytes"/> is counted, for the report.</summary>
    string TrafficDefinition { get; }

    /// <summary>
    /// About how many bytes of shared memory the settings ask for, known before anything is allocated; 0 if only the input file tells.
    /// </summary>
    /// <param name="settings">What the user asked for.</param>
    /// <exception cref="InputException">The settings do not fit this workload.</exception>
    long EstimateBytes(WorkloadSettings settings);

    /// <summary>Makes or reads the input on private arrays.</summary>
    /// <param name="settings">What the user asked for.</param>
    /// <param name="progress">Told what goes on.</param>
    /// <exception cref="InputException">The input is not usable.</exception>
    void Prepare(WorkloadSettings settings, Progress progress);

    /// <summary>Allocates the shared arrays and fills them with the settings' number of CPU threads.</summary>
    /// <param name="memory">Open shared memory; owns the arrays from here on.</param>
    /// <param name="settings">What the user asked for.</param>
    void Fill(SharedMemory memory, WorkloadSettings settings);

    /// <summary>Runs the kernels, and the CPU's turns between them, to the end.</summary>
    /// <param name="memory">The memory given to <see cref="Fill"/>.</param>
    /// <param name="progress">Told about rounds.</param>
    void Solve(SharedMemory memory, Progress progress);

    /// <summary>Reads the result through spans and compares it with a plain CPU run on private arrays.</summary>
    Verification Verify();
}
