// SPDX-License-Identifier: MIT
using System.Text;

namespace GpuSvm.Interop;

/// <summary>gpusvm_device_info, field by field.</summary>
internal unsafe struct NativeDeviceInfo
{
    private const int NameBytes = 64;

    /// <summary>sizeof(gpusvm_device_info).</summary>
    public uint StructBytes;

    /// <summary>Threads that run kernels.</summary>
    public uint ComputeUnits;

    /// <summary>The size of its memory.</summary>
    public ulong MemoryBytes;

    /// <summary>In use now.</summary>
    public ulong UsedBytes;

    /// <summary>Bytes migrated to it.</summary>
    public ulong BytesToDevice;

    /// <summary>Bytes migrated from it to RAM.</summary>
    public ulong BytesToRam;

    /// <summary>Blocks pushed out to make room.</summary>
    public ulong Evictions;

    /// <summary>Launches started on it.</summary>
    public ulong Launches;

    /// <summary>What it calls itself, NUL-terminated UTF-8.</summary>
    public fixed byte Name[NameBytes];

    /// <summary>The same as .NET sees it.</summary>
    /// <returns>The statistics.</returns>
    public DeviceStatistics ToStatistics()
    {
        // SAFETY: the struct stays pinned while its name is read, at most to its end.
        fixed (byte* name = Name)
        {
            var text = new ReadOnlySpan<byte>(name, NameBytes);
            int length = text.IndexOf((byte)0);
            return new DeviceStatistics
            {
                Name = Encoding.UTF8.GetString(length < 0 ? text : text[..length]),
                ComputeUnits = (int)ComputeUnits,
                MemoryBytes = (long)MemoryBytes,
                UsedBytes = (long)UsedBytes,
                BytesToDevice = (long)BytesToDevice,
                BytesToRam = (long)BytesToRam,
                Evictions = (long)Evictions,
                Launches = (long)Launches,
            };
        }
    }
}
