// SPDX-License-Identifier: MIT
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using GpuSvm.Core;

namespace GpuSvm.SoftwareGpu;

/// <summary>
/// The entry points behind <see cref="SoftwareGpuKernelFunctions"/>: they find the unit's memory by the context, call it, and note the group's first failure.
/// </summary>
/// <remarks>Called by kernels, which may be native code or code of another .NET runtime. Nothing in them throws but a broken invariant, which ends the process.</remarks>
internal static unsafe class SoftwareGpuKernelCalls
{
    private const int MaxMessageBytes = 255;

    /// <summary>Makes the table of their addresses.</summary>
    /// <returns>A table in unmanaged memory, for the rest of the process.</returns>
    internal static SoftwareGpuKernelFunctions* CreateTable()
    {
        // SAFETY: never freed; kernels hold it for as long as they like.
        var table = (SoftwareGpuKernelFunctions*)NativeMemory.AllocZeroed((nuint)sizeof(SoftwareGpuKernelFunctions));
        table->StructBytes = (ulong)sizeof(SoftwareGpuKernelFunctions);
        table->Read = &Read;
        table->Write = &Write;
        table->Gather = &Gather;
        table->Scatter = &Scatter;
        table->AtomicAdd = &AtomicAdd;
        table->Windows = &Windows;
        table->Yield = &Yield;
        table->Fail = &Fail;
        table->Atomic = &Atomic;
        return table;
    }

    /// <summary>The read function.</summary>
    [UnmanagedCallersOnly]
    private static int Read(SoftwareGpuKernelContext* context, ulong address, void* destination, ulong bytes) =>
        Note(context, MemoryOf(context).Copy(address, (byte*)destination, bytes, write: false));

    /// <summary>The write function.</summary>
    [UnmanagedCallersOnly]
    private static int Write(SoftwareGpuKernelContext* context, ulong address, void* source, ulong bytes) =>
        Note(context, MemoryOf(context).Copy(address, (byte*)source, bytes, write: true));

    /// <summary>The gather function.</summary>
    [UnmanagedCallersOnly]
    private static int Gather(SoftwareGpuKernelContext* context, ulong address, long* indices, ulong count, uint elementBytes, void* destination) =>
        Note(context, MemoryOf(context).CopyElements(address, indices, count, elementBytes, destination, write: false));

    /// <summary>The scatter function.</summary>
    [UnmanagedCallersOnly]
    private static int Scatter(SoftwareGpuKernelContext* context, ulong address, long* indices, ulong count, uint elementBytes, void* source) =>
        Note(context, MemoryOf(context).CopyElements(address, indices, count, elementBytes, source, write: true));

    /// <summary>The atomic_add function.</summary>
    [UnmanagedCallersOnly]
    private static int AtomicAdd(SoftwareGpuKernelContext* context, ulong address, long value, uint bytes, long* old) =>
        Note(context, MemoryOf(context).Atomic(address, new SoftwareGpuAtomic(SoftwareGpuAtomicKind.Add, value, 0, bytes), old));

    /// <summary>The atomic function.</summary>
    [UnmanagedCallersOnly]
    private static int Atomic(SoftwareGpuKernelContext* context, ulong address, uint kind, long value, long comparand, uint bytes, long* old) =>
        Note(context, MemoryOf(context).Atomic(address, new SoftwareGpuAtomic((SoftwareGpuAtomicKind)kind, value, comparand, bytes), old));

    /// <summary>The windows function.</summary>
    [UnmanagedCallersOnly]
    private static int Windows(SoftwareGpuKernelContext* context, SoftwareGpuWindow* windows, uint count) =>
        Note(context, MemoryOf(context).OpenWindows(windows, count));

    /// <summary>The yield function.</summary>
    [UnmanagedCallersOnly]
    private static void Yield(SoftwareGpuKernelContext* context) => MemoryOf(context).Yield();

    /// <summary>The fail function.</summary>
    [UnmanagedCallersOnly]
    private static void Fail(SoftwareGpuKernelContext* context, byte* message) => _ = Note(context, MemoryOf(context).FailKernel(TextOf(message)));

    /// <summary>The unit's memory that a context belongs to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static SoftwareGpuKernelMemory MemoryOf(SoftwareGpuKernelContext* context) =>
        GCHandle<SoftwareGpuKernelMemory>.FromIntPtr((nint)context->Internal).Target; // SAFETY: the unit's handle lives as long as its thread, and only it runs kernels with this context.

    /// <summary>Keeps the first failure of the group in its context.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Note(SoftwareGpuKernelContext* context, SvmStatus status)
    {
        if (status != SvmStatus.Done && context->Status == 0)
            context->Status = (int)status;
        return (int)status;
    }

    /// <summary>Reads a sentence of at most 255 bytes, cut between characters.</summary>
    private static string TextOf(byte* text)
    {
        if (text == null)
            return "";
        int bytes = 0;
        while (bytes < MaxMessageBytes && text[bytes] != 0)
            bytes++;
        if (bytes == MaxMessageBytes)
        {
            // Not inside a character: go back over continuation bytes of one that is not whole.
            int start = bytes - 1;
            while (start > bytes - 4 && (text[start] & 0xC0) == 0x80)
                start--;
            int length = text[start] switch { >= 0xF0 => 4, >= 0xE0 => 3, >= 0xC0 => 2, _ => 1 };
            if (start + length > bytes)
                bytes = start;
        }

        return Encoding.UTF8.GetString(text, bytes);
    }
}
