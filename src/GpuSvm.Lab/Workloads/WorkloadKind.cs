// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Workloads;

/// <summary>A workload that can be had by name.</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="Summary">What it shows, in a few words.</param>
/// <param name="Create">Makes it in a size.</param>
public sealed record WorkloadKind(string Name, string Summary, Func<WorkloadOptions, IWorkload> Create);
