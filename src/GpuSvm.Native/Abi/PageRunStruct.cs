// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core.Vm;

namespace GpuSvm.Native.Abi;

/// <summary>gpusvm_page_run: pages in a row of which the same is to be said.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PageRunStruct
{
    /// <summary>The first byte.</summary>
    public ulong Address;

    /// <summary>How many bytes.</summary>
    public ulong Bytes;

    /// <summary>A <see cref="PagePlace"/>.</summary>
    public uint Place;

    /// <summary>The device that has them; -1 for none.</summary>
    public int Device;

    /// <summary>1 if a device may write them.</summary>
    public uint Writable;

    /// <summary>The size of an entry; 0 where nothing is.</summary>
    public uint EntryBytes;

    /// <summary>Translates a run.</summary>
    /// <param name="run">The run.</param>
    /// <returns>The struct.</returns>
    public static PageRunStruct Of(in PageRun run) => new()
    {
        Address = run.Interval.Start.Value,
        Bytes = (ulong)run.Interval.Bytes,
        Place = (uint)run.Place,
        Device = run.Device,
        Writable = run.IsWritable ? 1u : 0u,
        EntryBytes = run.IsPresent ? (uint)run.Order.Bytes : 0,
    };
}
