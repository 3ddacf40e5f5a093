// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>What a child that the process forks gets of shared memory. It cannot use the library in either case.</summary>
public enum ForkMode
{
    /// <summary>All of it, by copy-on-write; so every page comes home at a fork.</summary>
    Follow,

    /// <summary>Nothing: touching it ends the child, and a fork costs nothing more.</summary>
    Ignore,
}
