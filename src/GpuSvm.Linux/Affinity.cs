// SPDX-License-Identifier: MIT
using GpuSvm.Linux.Interop;

namespace GpuSvm.Linux;

/// <summary>Where threads run. On a virtual machine the distance between faulting thread and handler decides the latency of a fault.</summary>
public static unsafe class Affinity
{
    private const int MaskWords = 16;

    /// <summary>The CPU the calling thread runs on at this moment.</summary>
    public static int CurrentCpu => Libc.sched_getcpu();

    /// <summary>Binds the calling thread to one CPU.</summary>
    /// <param name="cpu">The CPU's number, 0 to 1023.</param>
    /// <returns>False if there is no such CPU, or this process may not use it; the thread then stays as it was.</returns>
    public static bool TryPin(int cpu)
    {
        if (cpu is < 0 or >= MaskWords * 64)
            return false;

        // SAFETY: the mask lives on this stack frame; its length goes along.
        ulong* mask = stackalloc ulong[MaskWords];
        new Span<ulong>(mask, MaskWords).Clear();
        mask[cpu >> 6] = 1UL << (cpu & 63);
        return Libc.sched_setaffinity(0, MaskWords * sizeof(ulong), mask) == 0;
    }

    /// <summary>Lets the calling thread run anywhere again.</summary>
    /// <returns>False if the kernel refused.</returns>
    public static bool TryUnpin()
    {
        // SAFETY: as in TryPin. The kernel takes the CPUs that exist out of the mask.
        ulong* mask = stackalloc ulong[MaskWords];
        new Span<ulong>(mask, MaskWords).Fill(ulong.MaxValue);
        return Libc.sched_setaffinity(0, MaskWords * sizeof(ulong), mask) == 0;
    }
}
