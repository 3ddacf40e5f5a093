// SPDX-License-Identifier: MIT
using GpuSvm.Interop;

namespace GpuSvm;

/// <content>Native memory that the process already has.</content>
public sealed partial class SharedMemory
{
    private const uint AttachInPlace = 1; // GPUSVM_ATTACH_IN_PLACE.

    /// <summary>Shares native memory that the process already has: from <c>NativeMemory.Alloc</c>, <c>malloc</c>, <c>mmap</c>, a file. For arrays of the collector there is <see cref="UseInPlace"/>.</summary>
    /// <param name="address">The first byte.</param>
    /// <param name="bytes">The length, at least 1. All of it must be mapped.</param>
    /// <param name="isInPlace">Whether no page is to move, whatever it is.</param>
    /// <returns>The attachment: dispose it before the memory is freed. It ends with this memory at the latest.</returns>
    /// <exception cref="SharedMemoryException">The message names what stands in the way and the remedy; on portable memory it is <see cref="StatusCode.NotSupported"/>.</exception>
    public AttachedMemory Attach(nint address, nint bytes, bool isInPlace = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            NativeErrors.Check(NativeMethods.gpusvm_attach(_handle, address, (ulong)bytes, isInPlace ? AttachInPlace : 0));
        }

        return new AttachedMemory(this, address, bytes);
    }

    /// <summary>Ends an attachment; the library's memory has ended it if it has closed.</summary>
    /// <param name="attached">The attachment.</param>
    internal void Detach(AttachedMemory attached)
    {
        int status;
        try
        {
            status = NativeMethods.gpusvm_detach(_handle, attached.Address);
        }
        catch (ObjectDisposedException)
        {
            return; // Closed: whatever was attached has come home then.
        }

        if (status is not ((int)StatusCode.Done or (int)StatusCode.InvalidHandle))
            throw NativeErrors.ExceptionFor(status);
    }
}
