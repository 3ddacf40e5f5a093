// SPDX-License-Identifier: MIT
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Traces;

/// <summary>
/// Takes the records of a trace, one after the other, in the order in which they happened: a writer, a replay, an exporter, a count. A reader, a generator or an importer gives them.
/// No record is kept by who gives it, so traces of any length pass through.
/// </summary>
/// <remarks>Called by one thread at a time. To end early, throw.</remarks>
public interface ITraceSink
{
    /// <summary>Memory is accessed.</summary>
    /// <param name="access">How.</param>
    void Access(in TraceAccess access);

    /// <summary>A kernel begins or ends.</summary>
    /// <param name="kernel">Which.</param>
    void Kernel(in TraceKernel kernel);

    /// <summary>Memory is mapped or unmapped.</summary>
    /// <param name="mapping">Which.</param>
    void Mapping(in TraceMapping mapping);

    /// <summary>The program advises.</summary>
    /// <param name="advice">What.</param>
    void Advice(in TraceAdvice advice);

    /// <summary>The program asks for memory to be brought somewhere.</summary>
    /// <param name="prefetch">What and where.</param>
    void Prefetch(in TracePrefetch prefetch);

    /// <summary>A device's page table gets entries.</summary>
    /// <param name="bind">Which.</param>
    void Bind(in TraceBind bind);

    /// <summary>Something happened on behalf of all that: a fault, a migration, an eviction, an invalidation, with the words of <see cref="SvmEventKind"/>.</summary>
    /// <param name="one">What; the timestamp is in nanoseconds since the trace began.</param>
    void Event(in SvmEvent one);

    /// <summary>Pages have contents already. Who does not say otherwise passes over it.</summary>
    /// <param name="residence">Which, and where.</param>
    void Resident(in TraceResidence residence)
    {
    }

    /// <summary>Records are missing. Who does not say otherwise passes over it.</summary>
    /// <param name="loss">How many.</param>
    void Lost(in TraceLoss loss)
    {
    }
}
