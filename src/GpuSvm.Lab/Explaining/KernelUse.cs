// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Explaining;

/// <summary>What happened while kernels of one name ran.</summary>
/// <param name="name">The name.</param>
public sealed class KernelUse(string name)
{
    /// <summary>What the program calls it.</summary>
    public string Name { get; } = name;

    /// <summary>Launches.</summary>
    public long Launches { get; set; }

    /// <summary>From begin to end, in nanoseconds, together.</summary>
    public long Nanoseconds { get; set; }

    /// <summary>Faults of devices.</summary>
    public long DeviceFaults { get; set; }

    /// <summary>Bytes that came to a device.</summary>
    public long BytesToDevice { get; set; }

    /// <summary>Bytes that went back.</summary>
    public long BytesToRam { get; set; }
}
