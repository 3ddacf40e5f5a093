// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.SoftwareGpu;
using GpuSvm.SoftwareGpu.Mirror;

namespace GpuSvm.Native;

/// <summary>The functions of gpusvm.h for mirror devices. The rules of <see cref="Exports"/> hold; buffers may be shared memory: copies to and from them are made with nothing held.</summary>
internal static unsafe class MirrorExports
{
    private const ulong MaxBytes = 64UL << 20;

    /// <summary>int32_t gpusvm_mirror_create(gpusvm_memory memory, uint64_t memory_bytes, gpusvm_mirror* mirror).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_mirror_create")]
    public static int Create(ulong memory, ulong memoryBytes, ulong* mirror)
    {
        try
        {
            if (mirror == null)
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_mirror_create: mirror must not be NULL.");
            *mirror = 0;
            if (!Handles.Memories.TryBorrow(memory, out HandleTable<Session>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMemory);
            using (lease)
                *mirror = lease.Value.CreateMirror(memoryBytes);
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_mirror_destroy(gpusvm_mirror mirror).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_mirror_destroy")]
    public static int Destroy(ulong mirror)
    {
        try
        {
            if (!Handles.Mirrors.RemoveAndDrain(mirror, out SessionMirror? ended, static _ => { }))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMirror);
            SvmStatus status = ended.Owner.CloseMirror(mirror);
            return LastError.Set(status, $"Not every page of the mirror could come home: {status.Describe()}. The handle has ended; the pages come when they are touched, or with gpusvm_close.");
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_mirror_read(gpusvm_mirror mirror, const void* pointer, uint64_t bytes, void* destination, uint64_t* pages, uint64_t* faults).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_mirror_read")]
    public static int Read(ulong mirror, ulong pointer, ulong bytes, byte* destination, ulong* pages, ulong* faults)
        => Use("gpusvm_mirror_read", mirror, pointer, bytes, destination == null, (device, interval) =>
        {
            byte[] buffer = new byte[interval.Bytes];
            SvmStatus status = device.Read(interval, buffer, out MirrorProgress progress);
            if (status == SvmStatus.Done)
                CopyOut(buffer, buffer.Length, destination);
            Tell(progress.Pages, pages);
            Tell(progress.Faults, faults);
            return status;
        });

    /// <summary>int32_t gpusvm_mirror_write(gpusvm_mirror mirror, void* pointer, uint64_t bytes, const void* source, uint64_t* pages, uint64_t* faults).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_mirror_write")]
    public static int Write(ulong mirror, ulong pointer, ulong bytes, byte* source, ulong* pages, ulong* faults)
        => Use("gpusvm_mirror_write", mirror, pointer, bytes, source == null, (device, interval) =>
        {
            byte[] buffer = new byte[interval.Bytes];
            fixed (byte* copy = buffer)
                PreemptiveCopy.Copy(copy, source, (ulong)buffer.Length); // SAFETY: the caller says that there are so many bytes; the copy is pinned.
            SvmStatus status = device.Write(interval, buffer, out MirrorProgress progress);
            Tell(progress.Pages, pages);
            Tell(progress.Faults, faults);
            return status;
        });

    /// <summary>int32_t gpusvm_mirror_peek(gpusvm_mirror mirror, const void* pointer, uint64_t bytes, void* destination, uint64_t* pages).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_mirror_peek")]
    public static int Peek(ulong mirror, ulong pointer, ulong bytes, byte* destination, ulong* pages)
        => Use("gpusvm_mirror_peek", mirror, pointer, bytes, destination == null || pages == null, (device, interval) =>
        {
            byte[] buffer = new byte[interval.Bytes];
            int done = device.ReadMapped(interval, buffer);
            CopyOut(buffer, done << PageSize.Shift, destination);
            Tell(done, pages);
            return SvmStatus.Done;
        });

    /// <summary>int32_t gpusvm_mirror_migrate(gpusvm_mirror mirror, const void* pointer, uint64_t bytes, uint32_t location, uint64_t* moved).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_mirror_migrate")]
    public static int Migrate(ulong mirror, ulong pointer, ulong bytes, uint location, ulong* moved)
        => Use("gpusvm_mirror_migrate", mirror, pointer, bytes, isNull: false, (device, interval) =>
        {
            if (location > 1)
                throw new SessionException(SvmStatus.InvalidArgument, $"gpusvm_mirror_migrate: location {location} does not exist: GPUSVM_LOCATION_DEVICE(0) is the mirror's memory, GPUSVM_LOCATION_SYSTEM the system's.");
            SvmStatus status = location == 0 ? device.ToDevice(interval, out int count) : device.ToSystem(interval, out count);
            Tell(count, moved);
            return status;
        });

    /// <summary>int32_t gpusvm_mirror_snapshot(gpusvm_mirror mirror, const void* pointer, uint64_t bytes, uint8_t* pages).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_mirror_snapshot")]
    public static int Snapshot(ulong mirror, ulong pointer, ulong bytes, byte* pages)
        => Use("gpusvm_mirror_snapshot", mirror, pointer, bytes, pages == null, (device, interval) =>
        {
            byte[] seen = new byte[interval.Pages];
            SvmStatus status = SvmStatus.Done;
            for (int page = 0; page < seen.Length && status == SvmStatus.Done; page += PageSize.PagesPerHuge)
            {
                int count = Math.Min(seen.Length - page, PageSize.PagesPerHuge);
                status = device.Snapshot(AddressRange.OfPages(interval.Start + ((long)page << PageSize.Shift), count), seen.AsSpan(page, count));
            }

            if (status == SvmStatus.Done)
                CopyOut(seen, seen.Length, pages);
            return status;
        });

    /// <summary>What all functions on a mirror share: checks, the lease, and the sentence of a failure.</summary>
    /// <param name="function">Whose errors these are.</param>
    /// <param name="mirror">A gpusvm_mirror.</param>
    /// <param name="pointer">The first byte of the interval.</param>
    /// <param name="bytes">Its length.</param>
    /// <param name="isNull">Whether a pointer is NULL that must not be.</param>
    /// <param name="work">What to do.</param>
    /// <returns>A gpusvm_status.</returns>
    private static int Use(string function, ulong mirror, ulong pointer, ulong bytes, bool isNull, Func<MirrorDevice, AddressRange, SvmStatus> work)
    {
        try
        {
            if (isNull)
                return LastError.Set(SvmStatus.InvalidArgument, $"{function}: a buffer or a result is NULL that must not be.");
            if (bytes is 0 or > MaxBytes || (bytes | pointer) % PageSize.Bytes != 0 || pointer == 0 || pointer >= DeviceWindows.First || bytes > DeviceWindows.First - pointer)
                return LastError.Set(SvmStatus.InvalidArgument, $"{function}: {bytes} bytes from 0x{pointer:X} on are not possible: pass whole pages of 4096 bytes, at most {MaxBytes} bytes.");
            if (!Handles.Mirrors.TryBorrow(mirror, out HandleTable<SessionMirror>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMirror);
            using (lease)
            {
                AddressRange interval = AddressRange.OfBytes(new VirtualAddress(pointer), (long)bytes);
                SvmStatus status = work(lease.Value.Device, interval);
                return LastError.Set(status, $"{function} of {interval} ended early: {status.Describe()}.");
            }
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>Gives bytes to the caller.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="count">How many of them.</param>
    /// <param name="destination">The caller's buffer, with room for them.</param>
    private static void CopyOut(byte[] bytes, int count, byte* destination)
    {
        // SAFETY: the source is pinned; the caller says that the destination has room.
        fixed (byte* source = bytes)
            PreemptiveCopy.Copy(destination, source, (ulong)count);
    }

    /// <summary>Gives a number to the caller.</summary>
    /// <param name="number">The number.</param>
    /// <param name="result">Where to; null for nobody.</param>
    private static void Tell(int number, ulong* result)
    {
        if (result != null)
            *result = (ulong)number;
    }
}
