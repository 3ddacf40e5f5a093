// SPDX-License-Identifier: MIT
using GpuSvm.Core;

namespace GpuSvm.SoftwareGpu;

/// <summary>What became of a transfer without a kernel.</summary>
/// <param name="Status"><see cref="SvmStatus.Done"/>, or why it ended early, as a kernel's access would fail.</param>
/// <param name="DoneBytes">How many bytes were copied, from the first one on.</param>
/// <param name="FaultAddress">The address that failed; 0 if none did.</param>
/// <param name="Message">One sentence; empty if done.</param>
public readonly record struct SoftwareGpuTransfer(SvmStatus Status, ulong DoneBytes, ulong FaultAddress, string Message);
