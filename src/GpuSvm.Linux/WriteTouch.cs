// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core.Addressing;
using GpuSvm.Linux.Interop;

namespace GpuSvm.Linux;

/// <summary>
/// Has the kernel do to present pages what it does for a CPU write, and changes nothing in them: the page of zeroes becomes a page of the program's own, one that is shared with a child is copied.
/// Never sleeps for a userfaultfd.
/// </summary>
/// <remarks>
/// <c>MADV_POPULATE_WRITE</c> would do it in one call, but where a page is absent by then, it sleeps until somebody serves the fault. Nobody may while the caller holds the event gate; and a page can go under the
/// gate, for the caller of <c>madvise(MADV_DONTNEED)</c> goes on when its event has been read, and takes the pages away after that. The operation of <c>futex(2)</c> that changes a word, here
/// by <c>| 0</c>, faults its page in by a way on which a thread may not sleep for a userfaultfd: it answers <c>EFAULT</c> where the page is absent or write-protected by one (measured on 6.18).
/// </remarks>
internal static unsafe class WriteTouch
{
    private const int FutexWakeOperation = 5 | 128; // FUTEX_WAKE_OP, of this process alone.
    private const int OrNothing = (2 << 28) | 0x7FF; // FUTEX_OP_OR of 0; wakes nobody unless the word was 2047, and then one at the most, who looks again.

    private static readonly nint _futexNumber = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 98 : 202;

    /// <summary>Touches pages.</summary>
    /// <param name="start">First byte, page aligned.</param>
    /// <param name="bytes">Length, whole pages.</param>
    /// <returns>False if one is absent, protected, or no memory of this process: those before it were touched.</returns>
    internal static bool Try(ulong start, long bytes)
    {
        int own = 0;
        for (ulong page = start; page < start + (ulong)bytes; page += PageSize.Bytes)
        {
            // SAFETY: the word lives on this frame; the kernel looks at the page's address and answers EFAULT where it cannot be changed. Its bytes stay what they are.
            if (Libc.futex(_futexNumber, &own, FutexWakeOperation, 0, 0, (void*)page, OrNothing) < 0)
                return false;
        }

        return true;
    }
}
