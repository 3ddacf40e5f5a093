// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Interop;

/// <summary>gpusvm_advice.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NativeAdvice
{
    /// <summary>sizeof.</summary>
    public uint StructBytes;

    /// <summary>A <see cref="PreferredLocation"/>; 0 keeps it.</summary>
    public uint Preferred;

    /// <summary>0 keeps it, 1 off, 2 on.</summary>
    public uint ReadMostly;

    /// <summary>As <see cref="ReadMostly"/>.</summary>
    public uint NeverMigrate;

    /// <summary>As <see cref="ReadMostly"/>.</summary>
    public uint Pinned;

    /// <summary>An <see cref="AtomicMode"/>; 0 keeps it.</summary>
    public uint Atomics;

    /// <summary>A power of two of at least a page; 1 for none, 0 keeps it.</summary>
    public ulong GranularityBytes;

    /// <summary>Translates advice.</summary>
    /// <param name="advice">The advice.</param>
    /// <returns>The library's.</returns>
    public static unsafe NativeAdvice From(in MemoryAdvice advice) => new()
    {
        StructBytes = (uint)sizeof(NativeAdvice),
        Preferred = (uint)(advice.Preferred ?? 0),
        ReadMostly = Switch(advice.IsReadMostly),
        NeverMigrate = Switch(advice.NeverMigrate),
        Pinned = Switch(advice.IsPinned),
        Atomics = (uint)(advice.Atomics ?? 0),
        GranularityBytes = (ulong)(advice.GranularityBytes ?? 0),
    };

    /// <summary>A wish that is on or off, or stays.</summary>
    /// <param name="wish">The wish.</param>
    /// <returns>0, 1 or 2.</returns>
    private static uint Switch(bool? wish) => wish switch { null => 0, false => 1, true => 2 };
}
