// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Simulation;

/// <summary>A host memory together with the program whose memory it is: what the program's threads touch, which of its system calls change it, and what devices reach of it by DMA.</summary>
/// <remarks>A scenario needs no more of a machine's memory, so that it runs on a simulated one as on the process's own.</remarks>
public interface IProgramMemory : IHostMemory
{
    /// <summary>Whether threads really run at once. Then calls of the program end when the library has read of them, not when it has done what follows; contents that are given up may go later still.</summary>
    bool IsConcurrent { get; }

    /// <summary>A CPU thread reads.</summary>
    /// <param name="address">The first byte.</param>
    /// <param name="destination">Where to; in one page.</param>
    /// <returns><see cref="SvmStatus.Done"/>; what would be a signal: <see cref="SvmStatus.NotMapped"/>, <see cref="SvmStatus.ProcessGone"/>, or why the fault was refused.</returns>
    SvmStatus CpuRead(VirtualAddress address, Span<byte> destination);

    /// <summary>A CPU thread writes.</summary>
    /// <param name="address">The first byte.</param>
    /// <param name="source">From where; in one page.</param>
    /// <returns>As <see cref="CpuRead"/>, and <see cref="SvmStatus.ReadOnly"/>.</returns>
    SvmStatus CpuWrite(VirtualAddress address, ReadOnlySpan<byte> source);

    /// <summary>A CPU thread adds to a 64-bit number, atomically.</summary>
    /// <param name="address">The number, 8-byte aligned.</param>
    /// <param name="delta">What is added, 0 to 2047.</param>
    /// <returns>As <see cref="CpuWrite"/>.</returns>
    SvmStatus CpuAdd(VirtualAddress address, long delta);

    /// <summary>The program unmaps pages.</summary>
    /// <param name="interval">The pages.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or why not.</returns>
    SvmStatus Unmap(AddressRange interval);

    /// <summary>The program maps fresh memory where some was unmapped, or over other, and shares it.</summary>
    /// <param name="interval">The pages.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or why not.</returns>
    SvmStatus MapAnew(AddressRange interval);

    /// <summary>The program gives contents up.</summary>
    /// <param name="interval">The pages.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or why not.</returns>
    SvmStatus DontNeed(AddressRange interval);

    /// <summary>The program changes what it may do with pages.</summary>
    /// <param name="interval">The pages.</param>
    /// <param name="protection">What it may do.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or why not.</returns>
    SvmStatus Protect(AddressRange interval, HostProtection protection);

    /// <summary>The program moves pages to other addresses of its own; nothing is mapped at the old ones afterwards.</summary>
    /// <param name="from">The pages.</param>
    /// <param name="to">The first new address.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or why not.</returns>
    SvmStatus Remap(AddressRange from, VirtualAddress to);

    /// <summary>A device reads or writes where a DMA pointer says, by a call that notices when the program has taken the page away.</summary>
    /// <param name="address">The virtual address that it was mapped for.</param>
    /// <param name="pointer">Where the translation leads.</param>
    /// <param name="bytes">Received by a read, given by a write; all inside one page.</param>
    /// <param name="writes">Whether it is a write.</param>
    /// <returns>False if the program has taken the page away: nothing was done.</returns>
    bool TryUse(VirtualAddress address, DmaPointer pointer, Span<byte> bytes, bool writes);

    /// <summary>A device adds where a DMA pointer says, atomically.</summary>
    /// <param name="address">The virtual address of the number.</param>
    /// <param name="pointer">Where the translation leads.</param>
    /// <param name="delta">What is added, 0 to 2047.</param>
    /// <returns>False if the program has taken the page away.</returns>
    bool TryAdd(VirtualAddress address, DmaPointer pointer, long delta);

    /// <summary>A copy engine reads from a page or a staging block.</summary>
    /// <param name="source">The first byte.</param>
    /// <param name="destination">Where to; all inside one page.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.CopyFailed"/> if nothing is there.</returns>
    SvmStatus DmaCopyFrom(DmaPointer source, Span<byte> destination);

    /// <summary>A copy engine writes to a page or a staging block.</summary>
    /// <param name="destination">The first byte.</param>
    /// <param name="source">From where; all inside one page.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.CopyFailed"/> if nothing is there.</returns>
    SvmStatus DmaCopyTo(DmaPointer destination, ReadOnlySpan<byte> source);

    /// <summary>Waits until threads of the memory's own have ended what they are doing for threads of the program that have gone on.</summary>
    void Settle();

    /// <summary>Makes sure that nothing is left of memory that has been given back.</summary>
    /// <exception cref="InvalidOperationException">Something is; the message says what.</exception>
    void VerifyNoLeaks();
}
