// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Linux.Interop;

namespace GpuSvm.Linux;

/// <summary>
/// One userfaultfd descriptor and its requests. Each request answers an error number (0: done) and, where it can stop half way, the bytes done.
/// </summary>
/// <remarks>
/// The kernel answers EAGAIN for two things. With bytes done it means "stopped half way, look again at that place" (a hole, a page that is there);
/// here that becomes 0 with fewer bytes than asked. With nothing done it means that an event of this descriptor waits to be read: nothing
/// can be installed through this descriptor until some thread has read it. Only that is passed on as EAGAIN.
/// </remarks>
internal sealed unsafe class Userfaultfd : IDisposable
{
    private int _descriptor;

    /// <summary>Wraps a descriptor after its handshake.</summary>
    /// <param name="descriptor">The open descriptor, owned from now on.</param>
    internal Userfaultfd(int descriptor) => _descriptor = descriptor;

    /// <summary>The descriptor's number.</summary>
    internal int Descriptor => _descriptor;

    /// <summary>Registers an interval; it may hold no mapping that another descriptor has.</summary>
    /// <param name="start">First byte, page aligned.</param>
    /// <param name="bytes">Length, page aligned.</param>
    /// <param name="mode">UFFDIO_REGISTER_MODE_*.</param>
    /// <returns>The error number, 0 if done.</returns>
    internal int Register(ulong start, long bytes, ulong mode)
    {
        // SAFETY: the structure lives on this stack frame for the whole call.
        var argument = new UffdioRegister { Range = new UffdioRange { Start = start, Length = (ulong)bytes }, Mode = mode };
        return Request(UserfaultConstants.UFFDIO_REGISTER, &argument);
    }

    /// <summary>Forgets an interval, lifts write protection there and wakes who waits in it.</summary>
    /// <param name="start">First byte, page aligned.</param>
    /// <param name="bytes">Length, page aligned.</param>
    /// <returns>The error number, 0 if done.</returns>
    internal int Unregister(ulong start, long bytes)
    {
        // SAFETY: as in Register.
        var argument = new UffdioRange { Start = start, Length = (ulong)bytes };
        return Request(UserfaultConstants.UFFDIO_UNREGISTER, &argument);
    }

    /// <summary>Wakes every thread that waits for a page of the interval; each tries its access again.</summary>
    /// <param name="start">First byte, page aligned.</param>
    /// <param name="bytes">Length, page aligned.</param>
    /// <returns>The error number, 0 if done.</returns>
    internal int Wake(ulong start, long bytes)
    {
        // SAFETY: as in Register.
        var argument = new UffdioRange { Start = start, Length = (ulong)bytes };
        return Request(UserfaultConstants.UFFDIO_WAKE, &argument);
    }

    /// <summary>
    /// Moves present pages into an interval registered with this descriptor and wakes who waits there. Both mappings must be anonymous, private and
    /// of equal
    /// protection; whose descriptor the source is registered with does not matter, nor whether its events are pending: only ours count.
    /// </summary>
    /// <param name="destination">First byte, page aligned, nothing present.</param>
    /// <param name="source">First byte, page aligned.</param>
    /// <param name="bytes">Length; both sides lie in one mapping each.</param>
    /// <param name="moved">Bytes moved, from the start on.</param>
    /// <returns>0, with <paramref name="moved"/> at least one page; ENOENT (hole, or destination not registered), EEXIST, EBUSY (pinned, shared),
    /// EINVAL, EAGAIN, ENOMEM, EFAULT, ESRCH.</returns>
    internal int Move(ulong destination, ulong source, long bytes, out long moved)
    {
        // SAFETY: as in Register. The addresses are numbers for the kernel; nothing is dereferenced here.
        var argument = new UffdioMove { Destination = destination, Source = source, Length = (ulong)bytes };
        return Finish(Request(UserfaultConstants.UFFDIO_MOVE, &argument), argument.Moved, out moved);
    }

    /// <summary>Installs copies of bytes that are present elsewhere and wakes who waits.</summary>
    /// <param name="destination">First byte, page aligned, nothing present.</param>
    /// <param name="source">First byte, not in an interval whose faults we serve.</param>
    /// <param name="bytes">Length, page aligned.</param>
    /// <param name="mode">UFFDIO_COPY_MODE_*.</param>
    /// <param name="copied">Bytes installed, from the start on.</param>
    /// <returns>As <see cref="Move"/>.</returns>
    internal int Copy(ulong destination, ulong source, long bytes, ulong mode, out long copied)
    {
        // SAFETY: as in Move.
        var argument = new UffdioCopy { Destination = destination, Source = source, Length = (ulong)bytes, Mode = mode };
        return Finish(Request(UserfaultConstants.UFFDIO_COPY, &argument), argument.Copied, out copied);
    }

    /// <summary>Installs the shared page of zeroes and wakes who waits. A later write is served by the kernel alone.</summary>
    /// <param name="start">First byte, page aligned, nothing present.</param>
    /// <param name="bytes">Length, page aligned.</param>
    /// <param name="zeroed">Bytes installed, from the start on.</param>
    /// <returns>As <see cref="Move"/>.</returns>
    internal int Zeropage(ulong start, long bytes, out long zeroed)
    {
        // SAFETY: as in Register.
        var argument = new UffdioZeropage { Range = new UffdioRange { Start = start, Length = (ulong)bytes } };
        return Finish(Request(UserfaultConstants.UFFDIO_ZEROPAGE, &argument), argument.Zeroed, out zeroed);
    }

    /// <summary>Write-protects present pages, or lifts that and wakes who waits. Absent pages keep no mark, since WP_UNPOPULATED is not asked
    /// for.</summary>
    /// <param name="start">First byte, page aligned.</param>
    /// <param name="bytes">Length, page aligned.</param>
    /// <param name="protect">Which of the two.</param>
    /// <returns>0; ENOENT (not registered), EAGAIN (an event waits to be read).</returns>
    internal int WriteProtect(ulong start, long bytes, bool protect)
    {
        // SAFETY: as in Register.
        var argument = new UffdioWriteprotect
        {
            Range = new UffdioRange { Start = start, Length = (ulong)bytes },
            Mode = protect ? UserfaultConstants.UFFDIO_WRITEPROTECT_MODE_WP : 0,
        };
        return Request(UserfaultConstants.UFFDIO_WRITEPROTECT, &argument);
    }

    /// <summary>Marks absent pages so that a touch gives SIGBUS, and wakes who waits. Dropping the pages takes the mark away.</summary>
    /// <param name="start">First byte, page aligned.</param>
    /// <param name="bytes">Length, page aligned.</param>
    /// <returns>0; EEXIST if a page is present, EAGAIN, ENOENT.</returns>
    internal int Poison(ulong start, long bytes)
    {
        // SAFETY: as in Register.
        var argument = new UffdioPoison { Range = new UffdioRange { Start = start, Length = (ulong)bytes } };
        return Finish(Request(UserfaultConstants.UFFDIO_POISON, &argument), argument.Updated, out _);
    }

    /// <summary>Closes the descriptor; the kernel unregisters everything and wakes everybody.</summary>
    public void Dispose()
    {
        int descriptor = Interlocked.Exchange(ref _descriptor, -1); // Pairs with itself: closed once.
        if (descriptor >= 0)
            _ = Libc.close(descriptor);
    }

    /// <summary>Makes one request.</summary>
    /// <param name="request">UFFDIO_*.</param>
    /// <param name="argument">Its structure.</param>
    /// <returns>The error number, 0 if done.</returns>
    private int Request(uint request, void* argument) =>
        Libc.ioctl(_descriptor, request, argument) == 0 ? 0 : Marshal.GetLastPInvokeError();

    /// <summary>Sorts "stopped half way" out from "an event is pending"; see the type's remarks.</summary>
    /// <param name="error">What the call said.</param>
    /// <param name="field">What the structure's result field says: bytes, or minus an error number.</param>
    /// <param name="done">Bytes done.</param>
    /// <returns>0 if anything was done, else the error number.</returns>
    private static int Finish(int error, long field, out long done)
    {
        done = Math.Max(field, 0);
        return done > 0 ? 0 : error;
    }
}
