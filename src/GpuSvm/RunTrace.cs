// SPDX-License-Identifier: MIT
using GpuSvm.Interop;

namespace GpuSvm;

/// <summary>A recording that goes on: what <see cref="SharedMemory.StartTrace"/> gives. It ends with its memory, or when it is stopped or disposed; the file is complete then.</summary>
public sealed class RunTrace : IDisposable
{
    private readonly MemoryHandle _memory;
    private readonly Lock _gate = new();
    private RunTraceStatus? _last; // Once it was stopped. Guarded by _gate.

    /// <summary>Wraps a recording.</summary>
    /// <param name="memory">Of which memory.</param>
    internal RunTrace(MemoryHandle memory) => _memory = memory;

    /// <summary>How far it is.</summary>
    /// <returns>Records, bytes, and what is missing; of one that was stopped, at its end.</returns>
    /// <exception cref="SharedMemoryException">The memory was disposed before.</exception>
    public RunTraceStatus Read()
    {
        lock (_gate)
        {
            if (_last is { } last)
                return last;
            NativeTraceStatus status = NativeTraceStatus.Empty();
            NativeErrors.Check(NativeMethods.gpusvm_trace_read(_memory, ref status));
            return status.ToStatus();
        }
    }

    /// <summary>Ends the recording and completes the file.</summary>
    /// <returns>What was written.</returns>
    /// <exception cref="SharedMemoryException">Not all could be written, for example because the disk is full: what is there can be read. Or the memory was disposed before.</exception>
    public RunTraceStatus Stop()
    {
        lock (_gate)
        {
            if (_last is { } last)
                return last;
            NativeTraceStatus status = NativeTraceStatus.Empty();
            int result = NativeMethods.gpusvm_trace_stop(_memory, ref status);
            _last = status.ToStatus();
            NativeErrors.Check(result);
            return _last.Value;
        }
    }

    /// <summary>As <see cref="Stop"/>, without a word if the memory has ended before, or something could not be written.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_last is not null || _memory.IsClosed)
                return;
            NativeTraceStatus status = NativeTraceStatus.Empty();
            _ = NativeMethods.gpusvm_trace_stop(_memory, ref status);
            _last = status.ToStatus();
        }
    }
}
