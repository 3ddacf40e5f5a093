// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>Shared memory that a launch uses, made by <see cref="SharedArray{T}.Use(KernelAccess)"/>.</summary>
/// <param name="Address">Its first byte.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Access">The strongest access.</param>
public readonly record struct ArrayUse(nint Address, nint Bytes, KernelAccess Access);
