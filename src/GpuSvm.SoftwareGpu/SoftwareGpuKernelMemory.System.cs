// SPDX-License-Identifier: MIT
using System.Runtime.CompilerServices;
using GpuSvm.Core;
using GpuSvm.Core.Device;

namespace GpuSvm.SoftwareGpu;

/// <content>Accesses to pages of the program, which it may take away or protect while a kernel works on them.</content>
internal sealed unsafe partial class SoftwareGpuKernelMemory
{
    private static readonly Lock _systemAtomics = new(); // Of all software GPUs: several may have the same page of the program mapped.

    /// <summary>Copies translated elements of which some are on pages of the program.</summary>
    /// <returns>How many were copied: fewer if the program's page refuses the next.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private int CopySystemElements(byte** elements, int count, byte* buffer, int bytes, bool write, ulong systemMask)
    {
        if (mmu.GuardsSystemMemory)
            return GuardedElements(elements, count, buffer, bytes, write, systemMask);
        for (int i = 0; i < count; i++)
        {
            byte* own = buffer + i * bytes;
            byte* destination = write ? elements[i] : own;
            byte* source = write ? own : elements[i];
            if ((systemMask >> i & 1) != 0)
                PreemptiveCopy.Copy(destination, source, (ulong)bytes);
            else
                Unsafe.CopyBlockUnaligned(destination, source, (uint)bytes);
        }

        return count;
    }

    /// <summary>As <see cref="CopySystemElements"/>, by calls that can be refused: one for each run of elements on pages of the program. Leaves the access.</summary>
    private int GuardedElements(byte** elements, int count, byte* buffer, int bytes, bool write, ulong systemMask)
    {
        for (int i = 0; i < count; i++)
        {
            if ((systemMask >> i & 1) != 0)
                continue;
            byte* own = buffer + i * bytes;
            Unsafe.CopyBlockUnaligned(write ? elements[i] : own, write ? own : elements[i], (uint)bytes);
        }

        LeaveForSystem();
        for (int i = 0; i < count;)
        {
            int run = 1;
            if ((systemMask >> i & 1) != 0)
            {
                while (i + run < count && (systemMask >> (i + run) & 1) != 0)
                    run++;
                int copied = GuardedCopy.CopyElements(elements + i, run, buffer + i * bytes, bytes, write);
                if (copied < run)
                    return i + copied; // What comes after it in device memory was copied and is copied again.
            }

            i += run;
        }

        return count;
    }

    /// <summary>Leaves the access before a page of the program is touched by a call that names it by its address.</summary>
    /// <remarks>
    /// Such a call may sleep until a fault is served, and who serves it may be about to wait until no unit is in an access: the program gives the page up, its event makes devices lose it, and
    /// the same thread serves faults (docs/explorer.md tells how that was found). Nothing is lost by leaving first: the call goes by the mapping that is there, as a CPU thread's touch does, whatever has
    /// become of the translation. A pointer needs its translation, so without the guard the unit stays.
    /// </remarks>
    private void LeaveForSystem()
    {
        if (mmu.GuardsSystemMemory)
            mmu.Leave();
    }

    /// <summary>Copies between a page of the program and the kernel's own memory. Leaves the access, where the call can do without the translation.</summary>
    /// <returns>How many bytes were copied; fewer than wanted if the program's mapping does not allow the rest.</returns>
    private ulong CopySystem(byte* system, byte* own, ulong bytes, bool write)
    {
        LeaveForSystem();
        if (mmu.GuardsSystemMemory)
            return GuardedCopy.Copy(system, own, bytes, write);
        PreemptiveCopy.Copy(write ? system : own, write ? own : system, bytes);
        return bytes;
    }

    /// <summary>An atomic operation among units, by copies under one lock. Whoever holds it does nothing but two copies. Leaves the access, as those do, but before the lock: others wait for it.</summary>
    /// <returns>False if the program's mapping does not allow it: nothing has changed.</returns>
    private bool TryDoAtSystem(byte* integer, SoftwareGpuAtomic atomic, out long before)
    {
        LeaveForSystem();
        lock (_systemAtomics)
        {
            long wide = 0;
            before = 0;
            if (CopySystem(integer, (byte*)&wide, atomic.Bytes, write: false) != atomic.Bytes) // Little-endian: the low bytes first.
                return false;
            before = atomic.Bytes == 8 ? wide : (int)wide;
            wide = atomic.Apply(before);
            return CopySystem(integer, (byte*)&wide, atomic.Bytes, write: true) == atomic.Bytes;
        }
    }

    /// <summary>Faults for a page of the program that has refused a copy although it is bound: the program has changed its mapping, which the service looks up. Leaves the access.</summary>
    /// <returns><see cref="SvmStatus.Done"/>: try again. Anything else has failed the launch; <see cref="SvmStatus.NotMapped"/> for a page that goes on refusing.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private SvmStatus FaultRefused(ulong address, MemoryAccess access, ref int refusals, ref int replays)
    {
        if (refusals++ < MaxRefusals)
            return Fault(address, access, MaxReplays, ref replays);
        mmu.Leave();
        _launch.TryFail(SvmStatus.NotMapped, address, access, null);
        return _launch.Status;
    }

    /// <summary>Fails the launch for a window where there can be none. Leaves the access.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private SvmStatus RefuseWindow(ulong address, bool write)
    {
        _launch.TryFail(SvmStatus.NotSupported, address, AccessOf(write), null);
        return StopKernel();
    }
}
