// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Linux.Interop;

/// <summary>C: struct uffd_msg, one message read from the descriptor; which fields mean something depends on <see cref="Event"/>.</summary>
[StructLayout(LayoutKind.Explicit, Size = 32)]
internal struct UffdMsg
{
    /// <summary>UFFD_EVENT_*.</summary>
    [FieldOffset(0)]
    internal byte Event;

    /// <summary>PAGEFAULT: UFFD_PAGEFAULT_FLAG_*.</summary>
    [FieldOffset(8)]
    internal ulong FaultFlags;

    /// <summary>PAGEFAULT: the address touched.</summary>
    [FieldOffset(16)]
    internal ulong FaultAddress;

    /// <summary>PAGEFAULT: the thread, with UFFD_FEATURE_THREAD_ID.</summary>
    [FieldOffset(24)]
    internal uint FaultThread;

    /// <summary>REMOVE and UNMAP: the first byte.</summary>
    [FieldOffset(8)]
    internal ulong RangeStart;

    /// <summary>REMOVE and UNMAP: the first byte after.</summary>
    [FieldOffset(16)]
    internal ulong RangeEnd;

    /// <summary>REMAP: where the mapping was.</summary>
    [FieldOffset(8)]
    internal ulong MovedFrom;

    /// <summary>REMAP: where it is.</summary>
    [FieldOffset(16)]
    internal ulong MovedTo;

    /// <summary>REMAP: how many bytes have moved.</summary>
    [FieldOffset(24)]
    internal ulong MovedBytes;
}
