// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Cli.Workloads;

/// <summary>An element of a linked list in shared memory: 16 bytes, with a real pointer that means the same to CPU and GPU.</summary>
/// <param name="Next">Address of the next node.</param>
/// <param name="Value">What the walk sums up.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct ChaseNode(nint Next, long Value);
