// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Conformance;

/// <summary>A machine on which a trace can be replayed: one mapping of 64 pages at the start of a reserved area, and two mirror devices.</summary>
public interface ITraceMachine : IDisposable
{
    /// <summary>Does one step.</summary>
    /// <param name="step">The step; its answer does not matter.</param>
    /// <returns>What it came to, in the kernel's terms.</returns>
    TraceAnswer Do(TraceStep step);

    /// <summary>The hash over the pages as the CPU reads them.</summary>
    /// <returns>The hash.</returns>
    uint FinalHash();

    /// <summary>All that is known of a page, in few words, for people.</summary>
    /// <param name="page">The page, counted from the area's start.</param>
    /// <returns>The words.</returns>
    string Describe(int page);
}
