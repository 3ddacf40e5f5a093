// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation;

/// <summary>What the program may do with a mapping. Kernel: PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE.</summary>
public enum HostProtection
{
    /// <summary>Every access is a signal.</summary>
    None,

    /// <summary>Loads only.</summary>
    ReadOnly,

    /// <summary>Loads and stores.</summary>
    ReadWrite,
}
