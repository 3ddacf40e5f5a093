// SPDX-License-Identifier: MIT
using System.Runtime.CompilerServices;
using GpuSvm.SoftwareGpu.Interop;

namespace GpuSvm.SoftwareGpu;

/// <summary>
/// Copies between a page of the program and memory of our own that can be refused: by way of the kernel, which looks at the mapping as it does for the program itself and answers where an
/// instruction would raise a signal. The program may unmap, protect or truncate what a kernel is working on at any moment.
/// </summary>
/// <remarks>Costs half a microsecond more than a copy by pointer, elements together less. Pages that are absent are made present on the way, by whoever serves the program's faults, so these are
/// ordinary P/Invokes.</remarks>
internal static unsafe class GuardedCopy
{
    /// <summary>Most elements that one call takes.</summary>
    internal const int MaxElements = 64;

    private static readonly int _process = Environment.ProcessId;

    /// <summary>Whether this system lets us: Linux, where no filter forbids process_vm_readv.</summary>
    internal static bool IsAvailable { get; } = Probe();

    /// <summary>Copies bytes.</summary>
    /// <param name="system">The program's bytes.</param>
    /// <param name="own">Our own.</param>
    /// <param name="bytes">How many, at least 1.</param>
    /// <param name="write">True: to the program's.</param>
    /// <returns>How many were copied, from the start on: fewer if the program's mapping does not allow the rest.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static ulong Copy(byte* system, byte* own, ulong bytes, bool write)
    {
        // SAFETY: both structures live on this frame. Our own side is the caller's; the program's is the kernel's to check.
        var local = new IoVec { Base = (nint)own, Length = (nuint)bytes };
        var remote = new IoVec { Base = (nint)system, Length = (nuint)bytes };
        nint copied = write
            ? LibC.process_vm_writev(_process, &local, 1, &remote, 1, 0)
            : LibC.process_vm_readv(_process, &local, 1, &remote, 1, 0);
        return (ulong)Math.Max(copied, 0);
    }

    /// <summary>Copies elements that lie anywhere in the program's memory, one after the other.</summary>
    /// <param name="elements">The program's elements.</param>
    /// <param name="count">How many, at most <see cref="MaxElements"/>.</param>
    /// <param name="own">Our own elements, dense.</param>
    /// <param name="bytes">Bytes of each.</param>
    /// <param name="write">True: to the program's.</param>
    /// <returns>How many elements were copied whole: fewer if the program's mapping does not allow the next.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static int CopyElements(byte** elements, int count, byte* own, int bytes, bool write)
    {
        // SAFETY: as in Copy.
        IoVec* remote = stackalloc IoVec[MaxElements];
        for (int i = 0; i < count; i++)
            remote[i] = new IoVec { Base = (nint)elements[i], Length = (nuint)bytes };
        var local = new IoVec { Base = (nint)own, Length = (nuint)(count * bytes) };
        nint copied = write
            ? LibC.process_vm_writev(_process, &local, 1, remote, (nuint)count, 0)
            : LibC.process_vm_readv(_process, &local, 1, remote, (nuint)count, 0);
        return (int)(Math.Max(copied, 0) / bytes);
    }

    /// <summary>Tries it on a byte of our own.</summary>
    /// <returns>True if it works.</returns>
    private static bool Probe()
    {
        byte from = 1;
        byte to = 0;
        return OperatingSystem.IsLinux() && Copy(&from, &to, 1, write: false) == 1;
    }
}
