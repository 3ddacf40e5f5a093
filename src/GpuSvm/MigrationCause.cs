// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>On whose behalf pages move.</summary>
public enum MigrationCause
{
    /// <summary>No migration, or not known.</summary>
    None,

    /// <summary>The GPU touched them.</summary>
    GpuFault,

    /// <summary>The CPU touched them.</summary>
    CpuFault,

    /// <summary>Room is needed on the device.</summary>
    Eviction,

    /// <summary>Somebody asked for it.</summary>
    Prefetch,

    /// <summary>Another device, or a host-side fault on the GPU's behalf, needs them in RAM.</summary>
    HostFault,

    /// <summary>The device that holds them is going away.</summary>
    Unplug,

    /// <summary>The GPU has often used them where they were.</summary>
    AccessCounter,
}
