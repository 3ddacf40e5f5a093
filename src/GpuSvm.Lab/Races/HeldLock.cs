// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Races;

/// <summary>One hold of a lock.</summary>
/// <param name="name">The lock's name, as pictures write it.</param>
/// <param name="isShared">Whether it is held shared.</param>
/// <param name="taken">The step that took it.</param>
internal sealed class HeldLock(string name, bool isShared, int taken)
{
    /// <summary>The lock's name.</summary>
    public string Name { get; } = name;

    /// <summary>Whether it is held shared.</summary>
    public bool IsShared { get; } = isShared;

    /// <summary>The step that took it.</summary>
    public int Taken { get; } = taken;

    /// <summary>The step that gave it back; -1 if none did.</summary>
    public int Released { get; set; } = -1;
}
