// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Core.Tests;

/// <summary>Kernels for VMs without faults.</summary>
internal static unsafe class JobKernels
{
    /// <summary>What a kernel works on.</summary>
    internal struct Work
    {
        /// <summary>A counter of 8 bytes.</summary>
        internal ulong Address;

        /// <summary>A second one; 0 for none.</summary>
        internal ulong Second;

        /// <summary>Whether it is added to by an atomic operation.</summary>
        internal int IsAtomic;

        /// <summary>Nonzero once the first addition is made.</summary>
        internal int Started;

        /// <summary>Nonzero: make one more addition, then end.</summary>
        internal int Stop;

        /// <summary>Additions made.</summary>
        internal long Added;
    }

    /// <summary>Adds to its counters until it is told to stop; once more after that, so that whoever sees its end knows that it ran on.</summary>
    [UnmanagedCallersOnly]
    internal static void Add(SoftwareGpuKernelContext* context, void* arguments)
    {
        var work = (Work*)arguments;
        bool isLast = false;
        while (true)
        {
            if (!AddOnce(context, work, work->Address) || (work->Second != 0 && !AddOnce(context, work, work->Second)))
                return;
            work->Added++;
            Volatile.Write(ref work->Started, 1);
            if (isLast)
                return;
            isLast = Volatile.Read(ref work->Stop) != 0;
        }
    }

    /// <summary>One addition.</summary>
    private static bool AddOnce(SoftwareGpuKernelContext* context, Work* work, ulong address)
    {
        if (work->IsAtomic != 0)
            return context->Functions->AtomicAdd(context, address, 1, 8, null) == 0;
        long value;
        if (context->Functions->Read(context, address, &value, 8) != 0)
            return false;
        value++;
        return context->Functions->Write(context, address, &value, 8) == 0;
    }
}
