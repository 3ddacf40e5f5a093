// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Linux.Interop;

namespace GpuSvm.Linux;

/// <content>What a forked child gets.</content>
/// <remarks>
/// A page that is away is absent from the child's page table, and the child's mapping is registered with nobody: it would read zeroes there. So whatever is registered is MADV_DONTFORK, and a child that is made
/// behind our back (clone, _Fork) ends in SIGSEGV at its first touch. Only for the time of a fork that was announced, with every page in RAM, is it MADV_DOFORK: the child then has all pages by
/// copy-on-write, without any registration, like memory of its own.
/// </remarks>
public sealed partial class UserfaultHostMemory
{
    private readonly Lock _inheritance = new(); // Held across madvise, which raises no event for these two pieces of advice; leaf locks may be taken under it.
    private bool _isInherited; // Guarded by _inheritance.

    /// <inheritdoc/>
    public void SetInherited(bool isInherited)
    {
        lock (_inheritance)
        {
            if (_isInherited == isInherited)
                return;
            _isInherited = isInherited;
            _heap.SetInherited(isInherited);
            foreach (AdoptedPiece piece in _known.Adopted.All())
            {
                if (piece.IsMovable)
                    Advise(piece.Interval);
            }
        }
    }

    /// <summary>Tells the kernel whether children get an interval that is ours. Locking: <see cref="_inheritance"/> is held.</summary>
    /// <param name="interval">The interval. Where the program has unmapped a part the rest is advised all the same.</param>
    private void Advise(AddressRange interval) =>
        _ = Libc.madvise((nint)interval.Start.Value, (nuint)interval.Bytes, _isInherited ? LinuxConstants.MADV_DOFORK : LinuxConstants.MADV_DONTFORK);
}
