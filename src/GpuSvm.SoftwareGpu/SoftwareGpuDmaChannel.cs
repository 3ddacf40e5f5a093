// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;

namespace GpuSvm.SoftwareGpu;

/// <summary>
/// A way into the shared address space that needs no compute unit: what a DMA engine or a debugger uses. It has an MMU of its own, so its bytes go through the page table, faults and replays as a
/// kernel's do, also while all units are busy.
/// </summary>
/// <remarks>
/// The caller's buffer may be anything, shared memory too: the bytes pass through a block of the channel's own. The translated side of a copy is touched inside an access, as by a kernel; the caller's
/// side only preemptively and outside of one, for it may page-fault. Exactly the bytes asked for are written, never what lies beside them.
/// Locking: one transfer at a time holds <see cref="_gate"/>; it faults and waits under it, so nobody who serves faults may ask for a transfer.
/// </remarks>
internal sealed unsafe class SoftwareGpuDmaChannel : IDisposable
{
    private const int BlockBytes = 64 << 10;

    private readonly Lock _gate = new();
    private readonly SoftwareGpuMmu _mmu;
    private readonly SoftwareGpuKernelMemory _memory;
    private byte* _block; // Guarded by _gate; null once disposed.

    /// <summary>Makes a channel.</summary>
    /// <param name="mmu">Its MMU.</param>
    internal SoftwareGpuDmaChannel(SoftwareGpuMmu mmu)
    {
        _mmu = mmu;
        _memory = new SoftwareGpuKernelMemory(mmu);
        _block = (byte*)NativeMemory.AlignedAlloc(BlockBytes, BlockBytes); // SAFETY: ours alone, until Dispose.
    }

    /// <summary>Copies bytes between the shared address space and the caller's own.</summary>
    /// <param name="table">The address space; not disposed meanwhile.</param>
    /// <param name="address">The first byte there.</param>
    /// <param name="buffer">The caller's bytes.</param>
    /// <param name="bytes">How many; 0 is done at once.</param>
    /// <param name="write">True: into the shared address space.</param>
    /// <returns>What became of it.</returns>
    internal SoftwareGpuTransfer Transfer(SoftwareGpuPageTable table, ulong address, byte* buffer, ulong bytes, bool write)
    {
        lock (_gate)
        {
            if (_block == null)
                return new SoftwareGpuTransfer(SvmStatus.DeviceGone, 0, address, "The device is closed.");
            var outcome = new SoftwareGpuLaunch(table, 0, 0, 1); // Runs nowhere: it keeps what went wrong first.
            _memory.BeginLaunch(outcome);
            _mmu.Activate(table);
            ulong done = 0;
            while (done < bytes && !outcome.HasFailed)
                done += Piece(outcome, address + done, buffer + done, Math.Min(bytes - done, BlockBytes), write);
            _mmu.Deactivate();
            _memory.BeginLaunch(SoftwareGpuLaunch.None);
            return new SoftwareGpuTransfer(outcome.Status, done, outcome.FaultAddress.Value, outcome.Message);
        }
    }

    /// <summary>Frees the block; no transfer may run.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            NativeMemory.AlignedFree(_block); // SAFETY: nobody transfers under the gate.
            _block = null;
        }
    }

    /// <summary>Copies as much as the block holds.</summary>
    /// <param name="outcome">Takes the failure.</param>
    /// <param name="address">The first byte of the shared address space.</param>
    /// <param name="buffer">The caller's.</param>
    /// <param name="bytes">How many.</param>
    /// <param name="write">True: into the shared address space.</param>
    /// <returns>How many were copied: after a failure, those before the address that failed.</returns>
    private ulong Piece(SoftwareGpuLaunch outcome, ulong address, byte* buffer, ulong bytes, bool write)
    {
        if (write)
            PreemptiveCopy.Copy(_block, buffer, bytes); // SAFETY: the caller vouches for the buffer; no translation is held.
        if (_memory.Copy(address, _block, bytes, write) != SvmStatus.Done)
            bytes = outcome.FaultAddress.Value - address is var before && before < bytes ? before : 0;
        if (!write && bytes > 0)
            PreemptiveCopy.Copy(buffer, _block, bytes); // SAFETY: as above.
        return bytes;
    }
}
