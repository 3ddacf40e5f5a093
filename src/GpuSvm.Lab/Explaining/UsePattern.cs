// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Explaining;

/// <summary>What kind of trouble memory has.</summary>
public enum UsePattern
{
    /// <summary>None worth a word.</summary>
    Quiet,

    /// <summary>It made room and came back, again and again.</summary>
    Returning,

    /// <summary>CPU threads and devices take it from each other.</summary>
    PingPong,

    /// <summary>They do, but each uses other pages than the other.</summary>
    FalseSharing,

    /// <summary>More of it came than a device used.</summary>
    Unused,

    /// <summary>A device reached it in RAM many times.</summary>
    Remote,

    /// <summary>A device read it once, in one kernel.</summary>
    Streamed,

    /// <summary>A device only reads it, after a CPU thread has written it.</summary>
    ReadOnly,

    /// <summary>A device makes it, and CPU threads fetch it.</summary>
    Result,

    /// <summary>Only devices use it.</summary>
    DeviceOnly,

    /// <summary>It moved, and stayed where it was used.</summary>
    Moved,
}
