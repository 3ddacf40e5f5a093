// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>How far a recording is.</summary>
/// <param name="IsRunning">Whether it goes on; not if it was stopped, or the file could not be written.</param>
/// <param name="Records">Records written.</param>
/// <param name="Bytes">Bytes of the file.</param>
/// <param name="Lost">Records that are missing because the buffer was full; the trace says where.</param>
public readonly record struct RunTraceStatus(bool IsRunning, long Records, long Bytes, long Lost);
