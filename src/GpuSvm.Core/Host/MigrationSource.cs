// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Host;

/// <summary>What a migration found at a page that it collected.</summary>
public enum MigrationSource
{
    /// <summary>Not collected: held by others, pinned, on a device that was not selected, or there already.</summary>
    None,

    /// <summary>Nothing, or the page of zeroes: it reads as zeroes.</summary>
    Hole,

    /// <summary>Bytes in RAM, now in the staging block.</summary>
    Ram,

    /// <summary>Bytes in a device frame.</summary>
    Device,
}
