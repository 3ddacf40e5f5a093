// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Linux.Interop;

/// <summary>C: struct rlimit, a resource limit.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RLimit
{
    /// <summary>The limit in force; all ones: none.</summary>
    internal ulong Current;

    /// <summary>How far it may be raised.</summary>
    internal ulong Maximum;
}
