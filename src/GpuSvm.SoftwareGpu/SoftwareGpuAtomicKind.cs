// SPDX-License-Identifier: MIT
namespace GpuSvm.SoftwareGpu;

/// <summary>What an atomic operation makes of an integer; gpusvm_atomic of gpusvm.h.</summary>
public enum SoftwareGpuAtomicKind
{
    /// <summary>The sum; wraps around.</summary>
    Add = 0,

    /// <summary>The larger, signed.</summary>
    Max = 1,

    /// <summary>The smaller, signed.</summary>
    Min = 2,

    /// <summary>One more; 0 from the value on, unsigned.</summary>
    Increment = 3,

    /// <summary>One less; the value from 0, and from above the value, unsigned.</summary>
    Decrement = 4,

    /// <summary>The bits that both have.</summary>
    And = 5,

    /// <summary>The bits that either has.</summary>
    Or = 6,

    /// <summary>The bits that one of them has.</summary>
    Xor = 7,

    /// <summary>The value.</summary>
    Exchange = 8,

    /// <summary>The value, if it was the comparand.</summary>
    CompareExchange = 9,

    /// <summary>The larger, unsigned.</summary>
    MaxUnsigned = 10,

    /// <summary>The smaller, unsigned.</summary>
    MinUnsigned = 11,
}
