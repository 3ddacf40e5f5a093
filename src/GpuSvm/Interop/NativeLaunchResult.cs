// SPDX-License-Identifier: MIT
namespace GpuSvm.Interop;

/// <summary>gpusvm_launch_result, field by field.</summary>
internal unsafe struct NativeLaunchResult
{
    /// <summary>sizeof(gpusvm_launch_result).</summary>
    public uint StructBytes;

    /// <summary>A <see cref="StatusCode"/>.</summary>
    public int Status;

    /// <summary>The address that failed the launch, or 0.</summary>
    public ulong FaultAddress;

    /// <summary>A <see cref="KernelAccess"/>.</summary>
    public uint FaultAccess;

    /// <summary>0.</summary>
    public uint Reserved;

    /// <summary>Nanoseconds from the launch to its end.</summary>
    public ulong ElapsedNs;

    /// <summary>One sentence, NUL-terminated UTF-8.</summary>
    public fixed byte Message[256];
}
