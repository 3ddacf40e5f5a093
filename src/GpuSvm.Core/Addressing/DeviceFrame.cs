// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Addressing;

/// <summary>The number of a 4 KiB frame of one device's memory, from 0. It says nothing of who uses the frame.</summary>
/// <param name="Number">The frame's number.</param>
public readonly record struct DeviceFrame(int Number)
{
    /// <summary>The frame so many frames further on.</summary>
    public static DeviceFrame operator +(DeviceFrame frame, int pages) => new(frame.Number + pages);

    /// <summary>The frame's offset from the start of the device's memory.</summary>
    public long OffsetBytes => (long)Number << PageSize.Shift;
}
