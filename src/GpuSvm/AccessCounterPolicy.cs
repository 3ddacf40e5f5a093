// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>What becomes of pages that the GPU often uses in system memory, where they were left because both sides wanted them or because there was no room.</summary>
public enum AccessCounterPolicy
{
    /// <summary>They stay there until something else takes the mapping away.</summary>
    None,

    /// <summary>They come to the device after a number of uses.</summary>
    Threshold,
}
