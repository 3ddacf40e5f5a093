// SPDX-License-Identifier: MIT
using System.Text;

namespace GpuSvm.Native.Abi;

/// <summary>gpusvm_device_info, field by field; gpusvm.h says what each means.</summary>
internal unsafe struct DeviceInfoStruct
{
    private const int NameBytes = 64;

    /// <summary>sizeof(gpusvm_device_info), as the caller was compiled.</summary>
    public uint StructBytes;

    /// <summary>compute_units.</summary>
    public uint ComputeUnits;

    /// <summary>memory_bytes.</summary>
    public ulong MemoryBytes;

    /// <summary>used_bytes.</summary>
    public ulong UsedBytes;

    /// <summary>bytes_to_device.</summary>
    public ulong BytesToDevice;

    /// <summary>bytes_to_ram.</summary>
    public ulong BytesToRam;

    /// <summary>evictions.</summary>
    public ulong Evictions;

    /// <summary>launches.</summary>
    public ulong Launches;

    /// <summary>name, with a NUL.</summary>
    public fixed byte Name[NameBytes];

    /// <summary>Sets the name.</summary>
    /// <param name="name">ASCII; what does not fit is cut off.</param>
    public void SetName(string name)
    {
        fixed (byte* bytes = Name)
            Encoding.ASCII.GetBytes(name.AsSpan(0, Math.Min(name.Length, NameBytes - 1)), new Span<byte>(bytes, NameBytes - 1));
    }
}
