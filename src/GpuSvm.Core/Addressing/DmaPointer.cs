// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Addressing;

/// <summary>
/// Where host bytes can be reached by a DMA engine. It is not a virtual address of the program: on simulated memory it is a place in the frame
/// store; on real memory a staging page, or the program's own page while it is known to be present.
/// </summary>
/// <param name="Value">The pointer as a number; 0 is "nowhere".</param>
public readonly record struct DmaPointer(nint Value)
{
    /// <summary>Whether this is "nowhere".</summary>
    public bool IsNull => Value == 0;

    /// <summary>Moves up by bytes.</summary>
    public static DmaPointer operator +(DmaPointer pointer, long bytes) => new(pointer.Value + (nint)bytes);
}
