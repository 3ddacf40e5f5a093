// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation;

/// <summary>The bits of one entry of the simulated CPU page table.</summary>
[Flags]
internal enum PageFlags : byte
{
    /// <summary>Absent, and nothing is known of it: reads as zeroes.</summary>
    None = 0,

    /// <summary>There is a page.</summary>
    Present = 1,

    /// <summary>It is the shared page of zeroes; with Present only.</summary>
    Zero = 2,

    /// <summary>A store is announced to the client; with Present only.</summary>
    WriteProtected = 4,

    /// <summary>Absent because the client took it away; its bytes are the client's.</summary>
    Detached = 8,

    /// <summary>Somebody holds the frame, so that it cannot be taken away; with Present only.</summary>
    Pinned = 16,
}
