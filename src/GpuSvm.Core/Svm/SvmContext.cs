// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Svm;

/// <summary>What a caller wants of one call. Kernel: struct drm_gpusvm_ctx.</summary>
/// <param name="OwnerToken">Device pages of this owner group stay where they are; 0 brings everything to RAM.</param>
/// <param name="ReadOnly">Do not ask for write permission; map to-device only.</param>
/// <param name="DevicePossible">New ranges may become migratable.</param>
/// <param name="DeviceOnly">Getting pages fails on the first page in RAM.</param>
/// <param name="AllowMixed">Pages in RAM and on one device may be mapped side by side.</param>
/// <param name="CheckPagesBytes">Chunks above 4 KiB and up to this size need all pages present, else a smaller one is chosen.</param>
public readonly record struct SvmContext(
    int OwnerToken, bool ReadOnly = false, bool DevicePossible = false, bool DeviceOnly = false, bool AllowMixed = false, long CheckPagesBytes = 0);
