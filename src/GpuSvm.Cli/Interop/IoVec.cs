// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Cli.Interop;

/// <summary>struct iovec: a piece of memory.</summary>
/// <param name="Base">Its first byte.</param>
/// <param name="Length">How many bytes.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct IoVec(nint Base, nint Length);
