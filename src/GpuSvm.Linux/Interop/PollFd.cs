// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Linux.Interop;

/// <summary>C: struct pollfd, a descriptor to wait for.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PollFd
{
    /// <summary>The descriptor.</summary>
    internal int Descriptor;

    /// <summary>Wanted.</summary>
    internal short Events;

    /// <summary>Out: what happened.</summary>
    internal short ReturnedEvents;
}
