// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Svm;

/// <summary>What a caller wants of one call. Kernel: struct drm_gpusvm_ctx.</summary>
/// <param name="OwnerToken">Device pages of this owner group stay where they are; 0 brings everything to RAM, as a user pointer wants it.</param>
/// <param name="ReadOnly">Do not ask for write permission; map to-device only.</param>
/// <param name="DevicePossible">New ranges may become migratable.</param>
/// <param name="DeviceOnly">Getting pages fails on the first page in RAM.</param>
/// <param name="AllowMixed">Pages in RAM and on one device may be mapped side by side.</param>
/// <param name="CheckPagesBytes">Chunks above 4 KiB and up to this size need all pages present, else a smaller one is chosen. 0 asks for nothing.</param>
/// <param name="MaxChunkBytes">No new range is larger than this; 0 for no limit.</param>
/// <param name="Exclusive">Pages in RAM become the device's alone, so that its atomics hold against the CPU.</param>
/// <param name="StopAtLostRights">Finding ends with <see cref="SvmStatus.Retry"/> at a mapping that has <see cref="Host.HostMapping.HasLostRights"/>: the caller has them noticed and comes again.</param>
public readonly record struct SvmContext(
    int OwnerToken,
    bool ReadOnly = false,
    bool DevicePossible = false,
    bool DeviceOnly = false,
    bool AllowMixed = false,
    long CheckPagesBytes = 0,
    long MaxChunkBytes = 0,
    bool Exclusive = false,
    bool StopAtLostRights = false);
