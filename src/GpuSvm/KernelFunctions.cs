// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>
/// The functions a kernel reaches shared memory with, as C sees them (gpusvm_kernel_functions in gpusvm.h). For kernels that are native function
/// pointers; kernels given as <see cref="KernelBody"/> use <see cref="KernelContext"/>.
/// </summary>
/// <remarks>
/// Each may wait for a page fault, so each is an ordinary unmanaged call: a SuppressGCTransition here would let a collection wait for a fault. There
/// is deliberately no windows function: see <see cref="KernelContext"/>.
/// </remarks>
public readonly unsafe struct KernelFunctions
{
#pragma warning disable CA1051, CS0169 // The layout is the C ABI's: fields, in its order.
    /// <summary>The size of the library's struct, in bytes; at least this struct's.</summary>
    public readonly ulong StructBytes;

    /// <summary>Copies bytes out of shared memory: context, address, private destination, bytes; answers a <see cref="StatusCode"/>.</summary>
    public readonly delegate* unmanaged<KernelContextData*, ulong, void*, ulong, int> Read;

    /// <summary>Copies bytes into shared memory: context, address, private source, bytes; answers a <see cref="StatusCode"/>.</summary>
    public readonly delegate* unmanaged<KernelContextData*, ulong, void*, ulong, int> Write;

    /// <summary>destination[i] = element indices[i] of the array at address: context, address, indices, count, bytes an element (1, 2, 4, 8, 16), destination.</summary>
    public readonly delegate* unmanaged<KernelContextData*, ulong, long*, ulong, uint, void*, int> Gather;

    /// <summary>Element indices[i] of the array at address = source[i]; the parameters of <see cref="Gather"/>.</summary>
    public readonly delegate* unmanaged<KernelContextData*, ulong, long*, ulong, uint, void*, int> Scatter;

    /// <summary>Adds to an aligned integer: context, address, value, its bytes (4 or 8), where the value before goes (may be null).</summary>
    public readonly delegate* unmanaged<KernelContextData*, ulong, long, uint, long*, int> AtomicAdd;

    private readonly void* _windows; // not for managed code

    /// <summary>Says that the kernel computes without access for a while: context.</summary>
    public readonly delegate* unmanaged<KernelContextData*, void> Yield;

    /// <summary>Fails the launch: context, a NUL-terminated UTF-8 sentence of which 255 bytes are kept.</summary>
    public readonly delegate* unmanaged<KernelContextData*, byte*, void> Fail;

    /// <summary>Changes an aligned integer: context, address, an <see cref="AtomicOperation"/>, value, comparand, its bytes (4 or 8), where the value before goes (may be null).</summary>
    public readonly delegate* unmanaged<KernelContextData*, ulong, uint, long, long, uint, long*, int> Atomic;
#pragma warning restore CA1051, CS0169
}
