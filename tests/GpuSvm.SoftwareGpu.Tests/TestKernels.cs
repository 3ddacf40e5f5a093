// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.SoftwareGpu.Tests;

/// <summary>Kernels written in C#. Their arguments are structs in memory that stays where it is.</summary>
internal static unsafe class TestKernels
{
    /// <summary>One transfer for any of the copying functions.</summary>
    internal struct Transfer
    {
        internal ulong Address;
        internal void* Buffer;
        internal ulong Bytes; // Or the count of elements.
        internal long* Indices;
        internal uint ElementBytes;
        internal int Result;
        internal long Old;
    }

    /// <summary>What a hammering kernel shares with its test.</summary>
    internal struct Hammer
    {
        internal ulong Address;
        internal ulong Bytes;
        internal int Stop;
        internal int Started;
        internal long Accesses;
    }

    [UnmanagedCallersOnly]
    internal static void Nothing(SoftwareGpuKernelContext* context, void* arguments)
    {
    }

    [UnmanagedCallersOnly]
    internal static void Read(SoftwareGpuKernelContext* context, void* arguments)
    {
        var transfer = (Transfer*)arguments;
        transfer->Result = context->Functions->Read(context, transfer->Address, transfer->Buffer, transfer->Bytes);
    }

    [UnmanagedCallersOnly]
    internal static void Write(SoftwareGpuKernelContext* context, void* arguments)
    {
        var transfer = (Transfer*)arguments;
        transfer->Result = context->Functions->Write(context, transfer->Address, transfer->Buffer, transfer->Bytes);
    }

    [UnmanagedCallersOnly]
    internal static void Gather(SoftwareGpuKernelContext* context, void* arguments)
    {
        var transfer = (Transfer*)arguments;
        transfer->Result = context->Functions->Gather(context, transfer->Address, transfer->Indices, transfer->Bytes, transfer->ElementBytes, transfer->Buffer);
    }

    [UnmanagedCallersOnly]
    internal static void Scatter(SoftwareGpuKernelContext* context, void* arguments)
    {
        var transfer = (Transfer*)arguments;
        transfer->Result = context->Functions->Scatter(context, transfer->Address, transfer->Indices, transfer->Bytes, transfer->ElementBytes, transfer->Buffer);
    }

    [UnmanagedCallersOnly]
    internal static void AtomicAdd(SoftwareGpuKernelContext* context, void* arguments)
    {
        var transfer = (Transfer*)arguments;
        long old = 0;
        for (int i = 0; i < 500; i++)
            transfer->Result = context->Functions->AtomicAdd(context, transfer->Address, 3, transfer->ElementBytes, &old);
        Interlocked.Exchange(ref transfer->Old, old);
    }

    /// <summary>Each group writes its own index at its own 8 bytes, in order of the index.</summary>
    [UnmanagedCallersOnly]
    internal static void WriteGroupIndex(SoftwareGpuKernelContext* context, void* arguments)
    {
        ulong index = context->GroupIndex;
        _ = context->Functions->Write(context, *(ulong*)arguments + index * 8, &index, 8);
    }

    /// <summary>Group 3 reads where nothing is; all others write their index.</summary>
    [UnmanagedCallersOnly]
    internal static void FailInGroup3(SoftwareGpuKernelContext* context, void* arguments)
    {
        ulong index = context->GroupIndex;
        ulong address = *(ulong*)arguments;
        ulong value = 0;
        if (index != 3)
        {
            _ = context->Functions->Write(context, address + index * 8, &index, 8);
            return;
        }

        int first = context->Functions->Read(context, address + (1 << 30), &value, 8);
        int second = context->Functions->Read(context, address, &value, 8); // A good address: fails all the same now.
        if (first != context->Status || second != first)
            context->Status = 1; // Seen by the test as a status that no fault has.
    }

    [UnmanagedCallersOnly]
    internal static void FailWithSentence(SoftwareGpuKernelContext* context, void* arguments) =>
        context->Functions->Fail(context, (byte*)arguments);

    [UnmanagedCallersOnly]
    internal static void SetOwnStatus(SoftwareGpuKernelContext* context, void* arguments) => context->Status = *(int*)arguments;

    /// <summary>Writes 8 bytes at a page again and again, at changing places, never the sentinel (odd numbers only).</summary>
    [UnmanagedCallersOnly]
    internal static void HammerByWrite(SoftwareGpuKernelContext* context, void* arguments)
    {
        var hammer = (Hammer*)arguments;
        ulong value = context->Unit * 2 + 1;
        ulong offset = 0;
        Interlocked.Increment(ref hammer->Started);
        while (Volatile.Read(ref hammer->Stop) == 0)
        {
            if (context->Functions->Write(context, hammer->Address + offset, &value, 8) != 0)
                return;
            value += 2;
            offset = (offset + 4096 + 8) % (hammer->Bytes - 8);
            Interlocked.Increment(ref hammer->Accesses);
        }
    }

    /// <summary>The same through a window that is held over many stores.</summary>
    [UnmanagedCallersOnly]
    internal static void HammerByWindow(SoftwareGpuKernelContext* context, void* arguments)
    {
        var hammer = (Hammer*)arguments;
        ulong value = context->Unit * 2 + 1;
        Interlocked.Increment(ref hammer->Started);
        while (Volatile.Read(ref hammer->Stop) == 0)
        {
            SoftwareGpuWindow window = new() { Address = hammer->Address, Bytes = hammer->Bytes, Access = 1 };
            if (context->Functions->Windows(context, &window, 1) != 0)
                return;
            for (int i = 0; i < 64; i++, value += 2)
                Volatile.Write(ref ((ulong*)window.Pointer)[(ulong)(i * 37) % (window.Bytes / 8)], value);
            Interlocked.Increment(ref hammer->Accesses);
        }
    }

    /// <summary>Opens a window, says so, and holds it until told to stop; then lets go by yielding and goes on for a second stop.</summary>
    [UnmanagedCallersOnly]
    internal static void HoldWindow(SoftwareGpuKernelContext* context, void* arguments)
    {
        var hammer = (Hammer*)arguments;
        SoftwareGpuWindow window = new() { Address = hammer->Address, Bytes = hammer->Bytes, Access = 1 };
        if (context->Functions->Windows(context, &window, 1) != 0)
            return;
        Volatile.Write(ref hammer->Started, 1);
        while (Volatile.Read(ref hammer->Stop) == 0)
            Thread.Yield();
        Volatile.Write(ref *(ulong*)window.Pointer, 77); // Still ours: the invalidator waits.
        context->Functions->Yield(context);
        while (Volatile.Read(ref hammer->Stop) == 1)
            Thread.Yield();
    }

    /// <summary>Copies the second array to the first through two windows at once, in whatever pieces there are.</summary>
    [UnmanagedCallersOnly]
    internal static void CopyByWindows(SoftwareGpuKernelContext* context, void* arguments)
    {
        ulong* addresses = (ulong*)arguments; // Destination, source, bytes, pieces.
        SoftwareGpuWindow* windows = stackalloc SoftwareGpuWindow[2];
        ulong done = 0;
        while (done < addresses[2])
        {
            windows[0] = new SoftwareGpuWindow { Address = addresses[0] + done, Bytes = addresses[2] - done, Access = 1 };
            windows[1] = new SoftwareGpuWindow { Address = addresses[1] + done, Bytes = addresses[2] - done, Access = 0 };
            if (context->Functions->Windows(context, windows, 2) != 0)
                return;
            ulong bytes = Math.Min(windows[0].Bytes, windows[1].Bytes);
            Buffer.MemoryCopy(windows[1].Pointer, windows[0].Pointer, bytes, bytes);
            done += bytes;
            addresses[3]++;
        }
    }

    /// <summary>Opens windows that cannot be: the argument says which mistake.</summary>
    [UnmanagedCallersOnly]
    internal static void OpenBadWindows(SoftwareGpuKernelContext* context, void* arguments)
    {
        SoftwareGpuWindow* windows = stackalloc SoftwareGpuWindow[9];
        for (int i = 0; i < 9; i++)
            windows[i] = new SoftwareGpuWindow { Address = 0x10_0000, Bytes = 8 };
        int mistake = *(int*)arguments;
        if (mistake == 1)
            windows[1].Bytes = 0;
        if (mistake == 2)
            windows[1].Access = 2;
        if (mistake == 3)
            (windows[1].Address, windows[1].Bytes) = (ulong.MaxValue - 3, 8);
        _ = context->Functions->Windows(context, windows, mistake == 0 ? 9u : 2u);
    }
}
