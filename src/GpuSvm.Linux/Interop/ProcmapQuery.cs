// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Linux.Interop;

/// <summary>C: struct procmap_query, which mapping an address belongs to.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ProcmapQuery
{
    /// <summary>Sizeof this.</summary>
    internal ulong Size;

    /// <summary>0: exactly the mapping that holds the address, whatever it is.</summary>
    internal ulong QueryFlags;

    /// <summary>The address asked for.</summary>
    internal ulong QueryAddress;

    /// <summary>Out: the mapping's first byte.</summary>
    internal ulong VmaStart;

    /// <summary>Out: the first byte after it.</summary>
    internal ulong VmaEnd;

    /// <summary>Out: 1 readable, 2 writable, 4 executable, 8 shared.</summary>
    internal ulong VmaFlags;

    /// <summary>Out: its page size in bytes.</summary>
    internal ulong VmaPageSize;

    /// <summary>Out: its offset in the file.</summary>
    internal ulong VmaOffset;

    /// <summary>Out: the file's inode; 0 for anonymous memory.</summary>
    internal ulong Inode;

    /// <summary>Out: the file system's major number.</summary>
    internal uint DeviceMajor;

    /// <summary>Out: the file system's minor number.</summary>
    internal uint DeviceMinor;

    /// <summary>In: room for the name; 0 for none.</summary>
    internal uint VmaNameSize;

    /// <summary>In: room for the build id; 0 for none.</summary>
    internal uint BuildIdSize;

    /// <summary>In: where the name goes.</summary>
    internal ulong VmaNameAddress;

    /// <summary>In: where the build id goes.</summary>
    internal ulong BuildIdAddress;
}
