// SPDX-License-Identifier: MIT
using GpuSvm.Traces;

namespace GpuSvm.Lab.Workloads;

/// <summary>A generator of the accesses that a program makes: which addresses its threads and kernels touch, in which order, and nothing of what a driver does about it.</summary>
/// <remarks>
/// CPU threads fill the arrays page by page; a kernel's accesses come as its groups of lanes make them, one record for what a group reads or writes together (128 bytes where lanes
/// are neighbours, as many records as there are lines where they are not). Groups run one after the other, in the order in which the device would start them. Nothing is kept: a generator
/// of 10^9 accesses takes no more memory than one of ten, but for what decides its addresses (a graph).
/// </remarks>
public interface IWorkload
{
    /// <summary>What it is, with its sizes, for people.</summary>
    string Description { get; }

    /// <summary>Bytes of all its arrays.</summary>
    long FootprintBytes { get; }

    /// <summary>Gives all accesses to a sink. The same each time.</summary>
    /// <param name="sink">Who gets them.</param>
    void Generate(ITraceSink sink);
}
