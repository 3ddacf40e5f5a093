// SPDX-License-Identifier: MIT
using GpuSvm.Core.Diagnostics;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Importing;

/// <summary>A trace whose file is made with its first record, so that a file that gives none leaves what stands there alone.</summary>
/// <param name="path">The file.</param>
/// <param name="header">What the trace says of itself.</param>
public sealed class StartedTrace(string path, TraceHeader header) : ITraceSink, IDisposable
{
    /// <summary>The writer, after the first record.</summary>
    private TraceWriter? _writer;

    /// <summary>The writer; begins the file.</summary>
    private TraceWriter Writer => _writer ??= TraceWriter.Create(path, header);

    /// <summary>Says that the trace is complete.</summary>
    public void Complete() => _writer?.Complete();

    /// <inheritdoc/>
    public void Access(in TraceAccess access) => Writer.Access(access);

    /// <inheritdoc/>
    public void Kernel(in TraceKernel kernel) => Writer.Kernel(kernel);

    /// <inheritdoc/>
    public void Mapping(in TraceMapping mapping) => Writer.Mapping(mapping);

    /// <inheritdoc/>
    public void Advice(in TraceAdvice advice) => Writer.Advice(advice);

    /// <inheritdoc/>
    public void Prefetch(in TracePrefetch prefetch) => Writer.Prefetch(prefetch);

    /// <inheritdoc/>
    public void Bind(in TraceBind bind) => Writer.Bind(bind);

    /// <inheritdoc/>
    public void Event(in SvmEvent one) => Writer.Event(one);

    /// <inheritdoc/>
    public void Dispose() => _writer?.Dispose();
}
