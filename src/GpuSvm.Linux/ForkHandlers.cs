// SPDX-License-Identifier: MIT
using GpuSvm.Linux.Interop;

namespace GpuSvm.Linux;

/// <summary>Has the C library call before each fork of the process and after it.</summary>
/// <remarks>
/// The C library calls the first before it takes locks of its own, and the second after it has given them back, both on the forking thread. Handlers are inherited: in a child they are called for the child's own forks.
/// posix_spawn, vfork, system and popen call neither: their children run in the parent's memory until they exec.
/// </remarks>
public static unsafe class ForkHandlers
{
    /// <summary>Registers two functions for as long as the library is loaded. For code that is linked ahead of time: the GNU library keeps pthread_atfork out of its shared object.</summary>
    /// <param name="prepare">Called before a fork. SAFETY: static, never throws.</param>
    /// <param name="parent">Called after it in the parent, also if it failed. SAFETY: as above.</param>
    /// <returns>False without memory for it, or on a system without it: then nothing is known of forks.</returns>
    public static bool TryRegister(delegate* unmanaged<void> prepare, delegate* unmanaged<void> parent) =>
        OperatingSystem.IsLinux() && Libc.pthread_atfork((nint)prepare, (nint)parent, 0) == 0;
}
