// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Interop;

namespace GpuSvm;

/// <content>Memory of the program's own that devices use in place, and queues of several devices.</content>
public sealed partial class SharedMemory
{
    private readonly HashSet<IDisposable> _inPlace = []; // Arrays in use; a forgotten one ends with the memory. Guarded by _gate.

    /// <summary>Lets the devices use an array of the program's own where it is: no copy, and its pages never move. It is pinned until the result, or this memory, is disposed.</summary>
    /// <typeparam name="T">The element's type.</typeparam>
    /// <param name="array">The array, not empty. Two arrays in use may not share a page of 4096 bytes: small ones are better copied into a shared array.</param>
    /// <param name="isReadOnly">Whether kernels may only read it.</param>
    /// <returns>What kernels reach it by; dispose it before the array is needed for something else.</returns>
    /// <exception cref="SharedMemoryException"><see cref="StatusCode.Busy"/>: one of its pages is in use already.</exception>
    public InPlaceArray<T> UseInPlace<T>(T[] array, bool isReadOnly = false)
        where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(array);
        if (array.Length == 0)
            throw new ArgumentException("An empty array has no memory that a device could use.", nameof(array));
        var pin = GCHandle.Alloc(array, GCHandleType.Pinned);
        try
        {
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                ulong bytes = (ulong)Buffer.ByteLength(array);
                NativeErrors.Check(NativeMethods.gpusvm_userptr_register(_handle, pin.AddrOfPinnedObject(), bytes, isReadOnly ? 1u : 0u, out ulong address, out ulong userptr));
                var used = new InPlaceArray<T>(this, array, pin, userptr, (nint)address, isReadOnly);
                _inPlace.Add(used);
                return used;
            }
        }
        catch
        {
            pin.Free();
            throw;
        }
    }

    /// <summary>Makes a queue of a device, for programs with several devices, or with launches that may run at the same time.</summary>
    /// <param name="device">The device's number, 0 to <see cref="SharedMemoryOptions.DeviceCount"/> - 1.</param>
    /// <returns>The queue; dispose it.</returns>
    public KernelQueue CreateQueue(int device = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(device);
        ObjectDisposedException.ThrowIf(_disposed, this);
        NativeErrors.Check(NativeMethods.gpusvm_queue_create(_handle, (uint)device, out ulong queue));
        return new KernelQueue(this, queue, device);
    }

    /// <summary>Makes a GPU address space beside the first, in which everything else here works: page tables and wishes of its own, over the same arrays and devices. At most 32.</summary>
    /// <returns>The address space; dispose it.</returns>
    /// <exception cref="SharedMemoryException"><see cref="StatusCode.Busy"/>: there are 32 already.</exception>
    public SharedVm CreateVm()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        NativeErrors.Check(NativeMethods.gpusvm_vm_create(_handle, out ulong vm));
        return new SharedVm(this, vm);
    }

    /// <summary>Makes a mirror: a device in its least form, for tests of drivers and of this library. Needs real memory.</summary>
    /// <param name="memoryBytes">The size of its memory: a multiple of 4096, up to 1 GiB.</param>
    /// <returns>The mirror; dispose it.</returns>
    public MirrorDevice CreateMirror(long memoryBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(memoryBytes);
        ObjectDisposedException.ThrowIf(_disposed, this);
        NativeErrors.Check(NativeMethods.gpusvm_mirror_create(_handle, (ulong)memoryBytes, out ulong mirror));
        return new MirrorDevice(mirror);
    }

    /// <summary>Drops an array that is not used in place any more.</summary>
    /// <param name="used">The array.</param>
    internal void Forget(IDisposable used)
    {
        lock (_gate)
            _inPlace.Remove(used);
    }

    /// <summary>Takes all arrays away from the devices, after the last launch.</summary>
    private void EndInPlace()
    {
        IDisposable[] all;
        lock (_gate)
            all = [.. _inPlace];
        foreach (IDisposable used in all)
            used.Dispose();
    }
}
