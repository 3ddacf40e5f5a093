// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Replay;

/// <summary>What a device may do with a page.</summary>
[Flags]
internal enum TranslationMark : byte
{
    /// <summary>Not known: the page table has to be asked.</summary>
    None = 0,

    /// <summary>Read it.</summary>
    Reads = 1,

    /// <summary>Write it.</summary>
    Writes = 2,

    /// <summary>Use it for atomics.</summary>
    Atomics = 4,

    /// <summary>The use mark of its frame is set, so that nothing is to be done for it.</summary>
    Used = 8,

    /// <summary>It lies elsewhere.</summary>
    Remote = 16,
}
