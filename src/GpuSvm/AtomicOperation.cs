// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>What an atomic operation of a kernel makes of an integer. Values are the C ABI's.</summary>
/// <remarks><see cref="KernelContext.Atomic{T}(nint, AtomicOperation, T)"/> takes signs from its type: <see cref="Max"/> and <see cref="Min"/> compare as the type does.</remarks>
public enum AtomicOperation
{
    /// <summary>The sum; wraps around.</summary>
    Add = 0,

    /// <summary>The larger.</summary>
    Max = 1,

    /// <summary>The smaller.</summary>
    Min = 2,

    /// <summary>One more, and 0 where the integer has reached the value, as unsigned numbers: it counts from 0 to the value and begins again.</summary>
    Increment = 3,

    /// <summary>One less, and the value from 0 or from above the value, as unsigned numbers: it counts from the value to 0 and begins again.</summary>
    Decrement = 4,

    /// <summary>The bits that both have.</summary>
    And = 5,

    /// <summary>The bits that either has.</summary>
    Or = 6,

    /// <summary>The bits that one of them has.</summary>
    Xor = 7,

    /// <summary>The value.</summary>
    Exchange = 8,
}
