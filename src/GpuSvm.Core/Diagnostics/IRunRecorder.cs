// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Diagnostics;

/// <summary>Hears of all that a run consists of, so that it can be run again: what happens, and what the program and its devices do that makes it happen.</summary>
/// <remarks>Called by any thread, several at a time. Locking: the caller may hold anything, so an implementation neither locks, waits nor, where it does not say otherwise, allocates.
/// Devices are numbers of pagemaps, as in <see cref="SvmEvent"/>.</remarks>
public interface IRunRecorder
{
    /// <summary>Something has happened: a fault was served, pages have moved.</summary>
    /// <param name="one">What; stamped.</param>
    void Event(in SvmEvent one);

    /// <summary>A device has accessed a page that was there: tells of the first use since a policy last looked, or is a sample.</summary>
    /// <param name="address">What was accessed.</param>
    /// <param name="access">How.</param>
    /// <param name="device">By whom.</param>
    void Access(VirtualAddress address, MemoryAccess access, int device);

    /// <summary>A kernel begins or ends. May allocate.</summary>
    /// <param name="launch">The launch, from 0 in the order of their beginnings.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="isEnd">Whether it ends.</param>
    /// <param name="name">What to call it; empty at the end.</param>
    void Kernel(long launch, int device, bool isEnd, string name);

    /// <summary>Memory has become shared, or is not any more.</summary>
    /// <param name="interval">Whole pages.</param>
    /// <param name="isUnmap">Whether it is not any more.</param>
    void Mapping(AddressRange interval, bool isUnmap);

    /// <summary>Pages have contents already and are somewhere, without any fault that would tell of it: found at the beginning, attached, or about to be copied to a device.</summary>
    /// <param name="interval">Whole pages.</param>
    /// <param name="place">A device, or <see cref="SvmPlace.Ram"/>.</param>
    void Resident(AddressRange interval, int place);

    /// <summary>The program has advised. Allocates.</summary>
    /// <param name="interval">Whole pages.</param>
    /// <param name="advice">All that it asks for there from now on.</param>
    void Advice(AddressRange interval, in MemoryAdvice advice);

    /// <summary>The program asks for pages to be brought somewhere.</summary>
    /// <param name="interval">Whole pages.</param>
    /// <param name="destination">A device, or <see cref="SvmPlace.Ram"/>.</param>
    void Prefetch(AddressRange interval, int destination);

    /// <summary>A device's page table has got entries.</summary>
    /// <param name="interval">Whole pages.</param>
    /// <param name="device">Whose.</param>
    /// <param name="place">Where the pages are: a device, or <see cref="SvmPlace.Ram"/>.</param>
    /// <param name="isWritable">Whether the device may write.</param>
    void Bind(AddressRange interval, int device, int place, bool isWritable);
}
