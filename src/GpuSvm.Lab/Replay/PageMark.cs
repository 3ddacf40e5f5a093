// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Replay;

/// <summary>What a replay remembers of a page beside its translations.</summary>
[Flags]
internal enum PageMark : byte
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>CPU threads can read it without a fault.</summary>
    CpuReads = 1,

    /// <summary>CPU threads can write it without a fault.</summary>
    CpuWrites = 2,

    /// <summary>It came to a device without being asked for, and has not been used since.</summary>
    Unasked = 4,

    /// <summary>It was evicted, and has not been back on a device since.</summary>
    Evicted = 8,

    /// <summary>It has been accessed.</summary>
    Touched = 16,
}
