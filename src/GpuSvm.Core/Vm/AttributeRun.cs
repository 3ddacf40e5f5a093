// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Vm;

/// <summary>A piece of the address space with one advice.</summary>
/// <param name="Interval">The piece, page aligned, not empty.</param>
/// <param name="Advice">What is asked for it.</param>
public readonly record struct AttributeRun(AddressRange Interval, MemoryAdvice Advice);
