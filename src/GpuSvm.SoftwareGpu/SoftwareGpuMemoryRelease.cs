// SPDX-License-Identifier: MIT
using GpuSvm.Core.Pagemaps;

namespace GpuSvm.SoftwareGpu;

/// <summary>Frees the memory of a device that was disposed while a peer still had some of it mapped, after the peer has let go.</summary>
/// <param name="memory">The memory.</param>
internal sealed class SoftwareGpuMemoryRelease(SoftwareGpuMemory memory) : DeferredWork
{
    /// <inheritdoc/>
    protected override void Run() => memory.Dispose();
}
