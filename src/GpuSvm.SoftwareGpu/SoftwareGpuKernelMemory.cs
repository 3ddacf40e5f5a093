// SPDX-License-Identifier: MIT
using System.Runtime.CompilerServices;
using GpuSvm.Core;
using GpuSvm.Core.Device;

namespace GpuSvm.SoftwareGpu;

/// <summary>
/// Shared memory as a kernel on one unit reaches it: by copies, by elements, by atomic additions and by windows, all through the unit's MMU. A miss leaves the access,
/// faults, and goes on where it stood.
/// </summary>
/// <remarks>
/// <para>Device memory is touched by pointer. A page of the program is touched only through <see cref="PreemptiveCopy"/>: the unit is a managed thread, and one that stops
/// in a page fault outside a P/Invoke would stop the collector too. With device memory the unit stays in access until it is done with the pointer; before it
/// touches a page of the program by its address it leaves.</para>
/// <para>Long accesses enter again after each piece, so that an invalidation waits for microseconds, not for the whole access.</para>
/// </remarks>
internal sealed unsafe partial class SoftwareGpuKernelMemory(SoftwareGpuMmu mmu)
{
    /// <summary>Most windows that can be open together.</summary>
    internal const int MaxWindows = 8;

    /// <summary>Replays of one piece of an access after which it fails: each found its page taken away again before it could use it.</summary>
    internal const int MaxReplays = 1000;

    /// <summary>Times that the program's page refuses a copy although the fault for it was served, before the access fails: a page beyond the end of its file, or one that cannot be read.</summary>
    internal const int MaxRefusals = 16;

    private const ulong PieceBytes = 64 << 10;
    private const int PieceElements = 64; // As many as a mask of 64 bits tells apart; an invalidation waits for no more than this.
    private const long MaxIndex = 1L << 58; // Times 16 bytes it stays far from overflow.

    private SoftwareGpuLaunch _launch = SoftwareGpuLaunch.None;

    /// <summary>Says whose failures to record from now on.</summary>
    /// <param name="launch">The launch this unit runs.</param>
    internal void BeginLaunch(SoftwareGpuLaunch launch) => _launch = launch;

    /// <summary>Copies between shared memory and the kernel's own.</summary>
    /// <param name="address">The first byte of shared memory.</param>
    /// <param name="buffer">The kernel's own bytes.</param>
    /// <param name="bytes">How many; 0 is done at once.</param>
    /// <param name="write">True: into shared memory.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.InvalidArgument"/> if the interval wraps; else the fault's status, which fails the launch.</returns>
    internal SvmStatus Copy(ulong address, byte* buffer, ulong bytes, bool write)
    {
        if (_launch.HasFailed)
            return StopKernel();
        if (bytes == 0)
            return SvmStatus.Done;
        if (address + (bytes - 1) < address)
            return Refuse(address, write);
        int replays = 0;
        int refusals = 0;
        while (true)
        {
            mmu.Enter();
            mmu.Lookups++;
            byte* bytesThere = mmu.Translate(address, write, out ulong left, out bool system);
            if (bytesThere == null)
            {
                SvmStatus status = Fault(address, AccessOf(write), MaxReplays, ref replays);
                if (status != SvmStatus.Done)
                    return status;
                continue;
            }

            ulong piece = Math.Min(Math.Min(left, bytes), PieceBytes);
            byte* destination = write ? bytesThere : buffer;
            byte* source = write ? buffer : bytesThere;
            if (system)
            {
                ulong copied = CopySystem(bytesThere, buffer, piece, write);
                if (copied < piece)
                {
                    bytes -= copied;
                    address += copied;
                    buffer += copied;
                    replays = copied == 0 ? replays : 0;
                    refusals = copied == 0 ? refusals : 0;
                    SvmStatus status = FaultRefused(address, AccessOf(write), ref refusals, ref replays);
                    if (status != SvmStatus.Done)
                        return status;
                    continue;
                }
            }
            else if (piece == sizeof(ulong))
                Unsafe.WriteUnaligned(destination, Unsafe.ReadUnaligned<ulong>(source));
            else
                LocalCopy.Copy(destination, source, piece);
            bytes -= piece;
            if (bytes == 0)
                break;
            address += piece;
            buffer += piece;
            replays = 0;
            refusals = 0;
        }

        mmu.Leave();
        return SvmStatus.Done;
    }

    /// <summary>Copies elements of an array in shared memory, each chosen by its index.</summary>
    /// <param name="address">Element 0.</param>
    /// <param name="indices">The elements; negative ones lie below <paramref name="address"/>.</param>
    /// <param name="count">How many.</param>
    /// <param name="elementBytes">1, 2, 4, 8 or 16.</param>
    /// <param name="buffer">The kernel's own elements, dense.</param>
    /// <param name="write">True: into shared memory (scatter).</param>
    /// <returns>As <see cref="Copy"/>; <see cref="SvmStatus.InvalidArgument"/> also for another element size.</returns>
    internal SvmStatus CopyElements(ulong address, long* indices, ulong count, uint elementBytes, void* buffer, bool write)
    {
        if (_launch.HasFailed)
            return StopKernel();
        return elementBytes switch
        {
            1 => CopyElements(address, indices, count, (byte*)buffer, write),
            2 => CopyElements(address, indices, count, (ushort*)buffer, write),
            4 => CopyElements(address, indices, count, (uint*)buffer, write),
            8 => CopyElements(address, indices, count, (ulong*)buffer, write),
            16 => CopyElements(address, indices, count, (UInt128*)buffer, write),
            _ => Refuse(address, write),
        };
    }

    /// <summary>Changes an integer atomically with respect to all units.</summary>
    /// <param name="address">The integer, aligned to its size.</param>
    /// <param name="atomic">What becomes of it.</param>
    /// <param name="old">Gets the value before, sign-extended; may be null.</param>
    /// <returns>As <see cref="Copy"/>; <see cref="SvmStatus.InvalidArgument"/> also for an operation that there is not, or an unaligned address.</returns>
    /// <remarks>
    /// It needs a translation that allows atomics: device memory, a peer's too, or a page in system memory that is the device's alone. There it is an atomic instruction of the processor, and no
    /// CPU thread can come between, since it would have to fault the page away first. If there is none, the unit faults for <see cref="MemoryAccess.Atomic"/>.
    /// A memory that cannot give pages to a device alone answers such a fault with a page of the program. That must not be touched by an instruction of ours (it could fault), so
    /// there the units of all devices take one lock, read, and write by copies: atomic among the units, not against CPU threads.
    /// </remarks>
    internal SvmStatus Atomic(ulong address, SoftwareGpuAtomic atomic, long* old)
    {
        if (_launch.HasFailed)
            return StopKernel();
        if (!atomic.IsPossible || (address & (atomic.Bytes - 1)) != 0)
            return Refuse(address, write: true);
        int replays = 0;
        int refusals = 0;
        while (true)
        {
            mmu.Enter();
            mmu.Lookups++;
            byte* integer = mmu.TranslateAtomic(address, acceptsSystem: replays > 0 || mmu.TakesSystemAtomics, out bool system);
            if (integer != null)
            {
                long before = 0;
                if (!system)
                {
                    before = atomic.DoAt(integer);
                }
                else if (!TryDoAtSystem(integer, atomic, out before))
                {
                    SvmStatus refused = FaultRefused(address, MemoryAccess.Write, ref refusals, ref replays);
                    if (refused != SvmStatus.Done)
                        return refused;
                    continue;
                }

                mmu.Leave();
                if (old != null)
                    *old = before;
                return SvmStatus.Done;
            }

            SvmStatus status = Fault(address, MemoryAccess.Atomic, MaxReplays, ref replays);
            if (status != SvmStatus.Done)
                return status;
        }
    }

    /// <summary>Opens windows that are all valid together. The unit stays in access until its next call or the group's end.</summary>
    /// <param name="windows">What is wanted; gets what there is.</param>
    /// <param name="count">0 to <see cref="MaxWindows"/>.</param>
    /// <returns>As <see cref="Copy"/>; <see cref="SvmStatus.InvalidArgument"/> also for too many windows, an empty one, or an access that is neither read nor write.</returns>
    /// <remarks>If one misses, all are given up, the miss is served, and it begins again; others may take the first away meanwhile. How often is bounded only by the end of the launch:
    /// a unit that holds all its windows keeps them, so somebody always goes on.</remarks>
    internal SvmStatus OpenWindows(SoftwareGpuWindow* windows, uint count)
    {
        if (_launch.HasFailed)
            return StopKernel();
        if (count > MaxWindows)
            return Refuse(windows->Address, write: false);
        for (uint i = 0; i < count; i++)
        {
            if (windows[i].Bytes == 0 || windows[i].Access > 1 || windows[i].Address + (windows[i].Bytes - 1) < windows[i].Address)
                return Refuse(windows[i].Address, windows[i].Access == 1);
        }

        ulong* left = stackalloc ulong[MaxWindows];
        int replays = 0;
        uint open = 0;
        mmu.Enter();
        while (open < count)
        {
            bool write = windows[open].Access == (uint)MemoryAccess.Write;
            mmu.Lookups++;
            void* pointer = mmu.Translate(windows[open].Address, write, out left[open], out bool system);
            if (pointer != null)
            {
                if (system && !mmu.AllowsSystemWindow(windows[open].Address))
                    return RefuseWindow(windows[open].Address, write);
                windows[open].Pointer = pointer;
                open++;
                continue;
            }

            SvmStatus status = Fault(windows[open].Address, AccessOf(write), int.MaxValue, ref replays);
            if (status != SvmStatus.Done)
                return status;
            open = 0;
            mmu.Enter();
        }

        for (uint i = 0; i < count; i++)
            windows[i].Bytes = Math.Min(windows[i].Bytes, left[i]);
        return SvmStatus.Done;
    }

    /// <summary>Lets go of all windows.</summary>
    internal void Yield() => mmu.Leave();

    /// <summary>Fails the launch with the kernel's own sentence.</summary>
    /// <param name="message">The sentence.</param>
    /// <returns><see cref="SvmStatus.KernelFailed"/>, or what failed the launch before.</returns>
    internal SvmStatus FailKernel(string message)
    {
        _launch.TryFail(SvmStatus.KernelFailed, 0, MemoryAccess.Read, message);
        return StopKernel();
    }

    /// <summary>The element copy for one size: piece by piece, first all translations, then all copies, so that the processor can wait for many of the copies' cache misses at once.</summary>
    private SvmStatus CopyElements<T>(ulong address, long* indices, ulong count, T* buffer, bool write)
        where T : unmanaged
    {
        if (address > long.MaxValue && count != 0)
            return Refuse(address, write); // With that out of the way an element below 0 cannot look like one above.
        byte** elements = stackalloc byte*[PieceElements];
        ulong done = 0;
        while (done < count)
        {
            int wanted = (int)Math.Min(count - done, PieceElements);
            mmu.Enter();
            int got = TranslateElements(address, indices + done, wanted, sizeof(T), write, elements, out ulong systemMask);
            if (systemMask != 0)
                got = CopySystemElements(elements, got, (byte*)(buffer + done), sizeof(T), write, systemMask); // One that is refused is a hard one.
            else if (write)
            {
                for (int i = 0; i < got; i++)
                    Unsafe.WriteUnaligned(elements[i], buffer[done + (ulong)i]);
            }
            else
            {
                for (int i = 0; i < got; i++)
                    buffer[done + (ulong)i] = Unsafe.ReadUnaligned<T>(elements[i]);
            }

            done += (ulong)got;
            if (got == wanted)
                continue;
            SvmStatus status = CopyHardElement(address, indices[done], (byte*)(buffer + done), (uint)sizeof(T), write);
            if (status != SvmStatus.Done)
                return status;
            done++;
        }

        mmu.Leave();
        return SvmStatus.Done;
    }

    /// <summary>Translates elements as long as each lies whole in a mapped block. The last translation is kept at hand: neighbours need no other.</summary>
    /// <param name="address">Element 0.</param>
    /// <param name="indices">The elements.</param>
    /// <param name="wanted">How many, at most <see cref="PieceElements"/>.</param>
    /// <param name="bytes">An element's size.</param>
    /// <param name="write">Whether they will be written.</param>
    /// <param name="elements">Gets their pointers.</param>
    /// <param name="systemMask">Bit i: element i is on a page of the program.</param>
    /// <returns>How many were translated; the next one is hard.</returns>
    private int TranslateElements(ulong address, long* indices, int wanted, int bytes, bool write, byte** elements, out ulong systemMask)
    {
        SoftwareGpuMmu unit = mmu;
        ulong start = 0; // The block at hand: elements that begin in [start, start + room) lie whole in it.
        ulong room = 0;
        byte* there = null;
        ulong systemBlock = 0; // 1 if it is of the program.
        ulong mask = 0;
        int got = 0;
        for (; got < wanted; got++)
        {
            long index = indices[got];
            ulong at = address + (ulong)(index * bytes);
            if ((ulong)(index + MaxIndex) >= 2 * MaxIndex)
                break;
            if (at - start >= room)
            {
                there = unit.TranslateBlock(at, write, out ulong size, out bool system);
                start = at & ~(size - 1);
                room = size - (ulong)bytes + 1;
                if (there == null || at - start >= room)
                    break;
                systemBlock = system ? 1UL : 0;
            }

            elements[got] = there + (at - start);
            mask |= systemBlock << got;
        }

        systemMask = mask;
        unit.Lookups += got;
        return got;
    }

    /// <summary>The element at which <see cref="TranslateElements"/> stopped: refused, not mapped, or across the end of its translation. Ends the access.</summary>
    /// <param name="address">Element 0.</param>
    /// <param name="index">The element.</param>
    /// <param name="buffer">The kernel's own bytes of it.</param>
    /// <param name="bytes">Its size.</param>
    /// <param name="write">True: into shared memory.</param>
    /// <returns><see cref="SvmStatus.Done"/>: copied, whatever that took. Otherwise the launch has failed.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private SvmStatus CopyHardElement(ulong address, long index, byte* buffer, uint bytes, bool write)
    {
        ulong at = address + (ulong)(index * bytes);
        return (ulong)(index + MaxIndex) >= 2 * MaxIndex || (at < address) != (index < 0)
            ? Refuse(at, write)
            : Copy(at, buffer, bytes, write);
    }

    /// <summary>What a plain access is called.</summary>
    private static MemoryAccess AccessOf(bool write) => write ? MemoryAccess.Write : MemoryAccess.Read;

    /// <summary>Faults and waits. Leaves the access.</summary>
    /// <returns><see cref="SvmStatus.Done"/>: translate again. Anything else has failed the launch.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private SvmStatus Fault(ulong address, MemoryAccess access, int maxReplays, ref int replays)
    {
        SvmStatus status = mmu.Fault(address, access, maxReplays, ref replays);
        if (status != SvmStatus.Done)
            _launch.TryFail(status, address, access, null);
        return _launch.Status;
    }

    /// <summary>Fails the launch for an argument. Leaves the access of open windows.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private SvmStatus Refuse(ulong address, bool write)
    {
        _launch.TryFail(SvmStatus.InvalidArgument, address, AccessOf(write), null);
        return StopKernel();
    }

    /// <summary>Answers a call of a kernel whose launch has failed: with that failure, and its windows are gone.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private SvmStatus StopKernel()
    {
        mmu.Leave();
        return _launch.Status;
    }
}
