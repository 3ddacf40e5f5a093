// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm;

/// <summary>Pages in a row of which the same is to be said: gpusvm_page_run, field by field. <see cref="SharedMemory.Query(nint, nint, int)"/> gives them.</summary>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct PageRun
{
    private readonly ulong _address;
    private readonly ulong _bytes;
    private readonly uint _place;
    private readonly int _device;
    private readonly uint _writable;
    private readonly uint _entryBytes;

    /// <summary>The first byte.</summary>
    public nint Address => (nint)_address;

    /// <summary>The length in bytes, whole pages.</summary>
    public nint Bytes => (nint)_bytes;

    /// <summary>Where they are.</summary>
    public PagePlace Place => (PagePlace)_place;

    /// <summary>The number of the device that has them; -1 if none has.</summary>
    public int Device => _device;

    /// <summary>Whether a device may write them where they are, without the program being asked.</summary>
    public bool IsWritable => _writable != 0;

    /// <summary>How large a piece is mapped as one, in bytes: 4096, 65,536 or 2,097,152; 0 where nothing is.</summary>
    public int EntryBytes => (int)_entryBytes;
}
