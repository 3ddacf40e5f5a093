// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Native;

/// <summary>The functions of gpusvm.h that let operations fail on purpose, for all memories of the process. The rules of <see cref="Exports"/> hold.</summary>
internal static unsafe class InjectionExports
{
    /// <summary>int32_t gpusvm_inject(const char* point, uint64_t nth).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_inject")]
    public static int Inject(byte* point, ulong nth)
    {
        try
        {
            if (point == null)
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_inject: point is NULL; pass the name of an injection point.");
            string name = Marshal.PtrToStringUTF8((nint)point)!;
            if (!InjectionReport.TryParse(name, out InjectionPoint chosen))
                return LastError.Set(SvmStatus.InvalidArgument, $"gpusvm_inject: there is no point '{name}'; the points are {InjectionReport.Names}.");
            if (nth is 0 or > long.MaxValue / 2)
                return LastError.Set(SvmStatus.InvalidArgument, $"gpusvm_inject: hit {nth} cannot fail; 1 is the next one.");
            Injection.Arm(chosen, (long)nth);
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_inject_reset(uint32_t counting).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_inject_reset")]
    public static int InjectReset(uint counting)
    {
        try
        {
            if (counting > 1)
                return LastError.Set(SvmStatus.InvalidArgument, $"gpusvm_inject_reset: counting {counting} does not exist: 0 counts no hits, 1 does.");
            Injection.Reset();
            if (counting == 1)
                Injection.Count();
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>uint64_t gpusvm_injections(char* buffer, uint64_t size).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_injections")]
    public static ulong Injections(byte* buffer, ulong size)
    {
        try
        {
            return LastError.Copy(InjectionReport.Json(), buffer, size);
        }
        catch (Exception exception)
        {
            LastError.Set(exception);
            return LastError.Copy("[]", buffer, size);
        }
    }
}
