// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Vm;

namespace GpuSvm.Native.Abi;

/// <summary>gpusvm_advice: what a program wishes of a piece of its memory. Zero leaves a wish as it is.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct AdviceStruct
{
    private const uint Off = 1;
    private const uint On = 2;
    private const uint FirstDevice = 3;

    /// <summary>sizeof, set by the caller.</summary>
    public uint StructBytes;

    /// <summary>1 none, 2 system memory, 3 device 0, 4 device 1 and so on.</summary>
    public uint Preferred;

    /// <summary>1 off, 2 on.</summary>
    public uint ReadMostly;

    /// <summary>1 off, 2 on.</summary>
    public uint NeverMigrate;

    /// <summary>1 off, 2 on.</summary>
    public uint Pinned;

    /// <summary>An <see cref="AtomicMode"/> plus 1.</summary>
    public uint Atomics;

    /// <summary>A power of two of at least a page; 1 for none.</summary>
    public ulong GranularityBytes;

    /// <summary>What is wrong with it.</summary>
    /// <returns>A sentence that names field and remedy; null if nothing is.</returns>
    public readonly string? Mistake()
    {
        if (Preferred >= FirstDevice + OptionsStruct.MaxDevices)
            return $"preferred {Preferred} does not exist: 0 keep, 1 none, 2 system memory, {FirstDevice} and above a device.";
        if (Math.Max(ReadMostly, Math.Max(NeverMigrate, Pinned)) > On)
            return "read_mostly, never_migrate and pinned are 0 (keep), 1 (off) or 2 (on).";
        if (Atomics > (uint)AtomicMode.Global + 1)
            return $"atomics {Atomics} does not exist: 0 keep, 1 undefined, 2 device, 3 system, 4 global.";
        return GranularityBytes > 1 && (!ulong.IsPow2(GranularityBytes) || GranularityBytes < PageSize.Bytes)
            ? $"granularity_bytes {GranularityBytes} is no power of two from {PageSize.Bytes} on; 0 keeps it, 1 leaves it to the range."
            : null;
    }

    /// <summary>The number of the device that is preferred; -1 if none is named.</summary>
    public readonly int PreferredDevice => Preferred >= FirstDevice ? (int)(Preferred - FirstDevice) : -1;

    /// <summary>The advice with the wishes that it changes.</summary>
    /// <param name="old">What was advised before.</param>
    /// <returns>What is advised now.</returns>
    public readonly MemoryAdvice Change(MemoryAdvice old) => old with
    {
        Preferred = Preferred switch { 0 => old.Preferred, 1 => PreferredLocation.None, 2 => PreferredLocation.System, _ => PreferredLocation.OnDevice((int)(Preferred - FirstDevice)) },
        IsReadMostly = Switched(ReadMostly, old.IsReadMostly),
        NeverMigrate = Switched(NeverMigrate, old.NeverMigrate),
        IsPinned = Switched(Pinned, old.IsPinned),
        Atomics = Atomics == 0 ? old.Atomics : (AtomicMode)(Atomics - 1),
        Granularity = GranularityBytes switch { 0 => old.Granularity, 1 => null, _ => new PageOrder((byte)(ulong.Log2(GranularityBytes) - PageSize.Shift)) },
    };

    /// <summary>A wish that is on or off.</summary>
    /// <param name="value">0 keeps it.</param>
    /// <param name="old">What it was.</param>
    /// <returns>What it is.</returns>
    private static bool Switched(uint value, bool old) => value == On || (value != Off && old);
}
