// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Interop;

/// <summary>A gpusvm_memory. Reference-counted by the marshaller, so that no call can meet a handle that is being closed.</summary>
/// <remarks>
/// It has no finalizer: closing waits for kernels, which may be managed, and takes memory away that spans still use; the finalizer thread may do neither.
/// </remarks>
internal sealed class MemoryHandle : SafeHandle
{
    /// <summary>Makes an empty handle for the marshaller to fill.</summary>
    public MemoryHandle()
        : base(0, ownsHandle: true)
        => GC.SuppressFinalize(this);

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => NativeMethods.gpusvm_close((ulong)handle) == 0;
}
