// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>What <see cref="SharedMemory"/> must know of a <see cref="SharedArray{T}"/> of any element type.</summary>
internal interface ISharedAllocation
{
    /// <summary>Says that the memory is closing and the allocation goes with it.</summary>
    void OnMemoryClosed();

    /// <summary>Keeps the pages, and the memory open, until <see cref="Release"/>.</summary>
    /// <returns>False if the allocation was disposed.</returns>
    bool TryHold();

    /// <summary>Lets go of what one <see cref="TryHold"/> keeps.</summary>
    void Release();
}
