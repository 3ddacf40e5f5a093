// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Linux;

/// <summary>A piece of memory that is shared although it was not allocated here: attached by the program, or moved out of the heap by mremap.</summary>
/// <param name="Interval">Where it is.</param>
/// <param name="Family">The first address of what was attached, so that its pieces are found wherever they have gone; 0 for what came out of the heap.</param>
/// <param name="IsMovable">Whether it is registered, so that its pages can go to a device; else devices use it in place.</param>
internal readonly record struct AdoptedPiece(AddressRange Interval, ulong Family, bool IsMovable);
