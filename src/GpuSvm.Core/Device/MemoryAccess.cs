// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Device;

/// <summary>What an access wants to do with a page.</summary>
public enum MemoryAccess
{
    /// <summary>Read only.</summary>
    Read = 0,

    /// <summary>Write, or read and write.</summary>
    Write = 1,

    /// <summary>Read and write in one step that the CPU cannot come between: write, and the page must allow atomics.</summary>
    Atomic = 2,
}
