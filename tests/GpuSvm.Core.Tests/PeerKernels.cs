// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Core.Tests;

/// <summary>Kernels in C# for tests with several devices.</summary>
internal static unsafe class PeerKernels
{
    /// <summary>What a counting kernel works on.</summary>
    internal struct Counters
    {
        /// <summary>A counter that everybody adds to, and 4096 bytes behind it the first of one counter a group, 8 bytes each.</summary>
        internal ulong Address;

        /// <summary>Additions a group makes to each.</summary>
        internal long Times;

        /// <summary>The first group's number, so that devices have groups of their own.</summary>
        internal ulong FirstGroup;

        /// <summary>Nonzero once the kernel runs.</summary>
        internal int Started;
    }

    /// <summary>Adds to the shared counter atomically, and to the group's own by load and store.</summary>
    [UnmanagedCallersOnly]
    internal static void Count(SoftwareGpuKernelContext* context, void* arguments)
    {
        var counters = (Counters*)arguments;
        ulong own = counters->Address + 4096 + ((counters->FirstGroup + context->GroupIndex) * 8);
        for (long i = 0; i < counters->Times; i++)
        {
            long value;
            if (context->Functions->AtomicAdd(context, counters->Address, 1, 8, null) != 0
                || context->Functions->Read(context, own, &value, 8) != 0)
                return;
            value++;
            if (context->Functions->Write(context, own, &value, 8) != 0)
                return;
            Volatile.Write(ref counters->Started, 1);
        }
    }

    /// <summary>Writes by a window, again and again, until it fails.</summary>
    [UnmanagedCallersOnly]
    internal static void HammerByWindow(SoftwareGpuKernelContext* context, void* arguments)
    {
        var counters = (Counters*)arguments;
        while (true)
        {
            var window = new SoftwareGpuWindow { Address = counters->Address, Bytes = 8, Access = 1 };
            if (context->Functions->Windows(context, &window, 1) != 0)
                return;
            (*(long*)window.Pointer)++;
            Volatile.Write(ref counters->Started, 1);
            context->Functions->Yield(context);
        }
    }
}
