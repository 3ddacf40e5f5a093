// SPDX-License-Identifier: MIT
using GpuSvm.Core.Vm;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Native;

/// <summary>What a launch is to do.</summary>
/// <param name="Kernel">A gpusvm_kernel.</param>
/// <param name="Arguments">What it is given.</param>
/// <param name="Groups">At least 1.</param>
/// <param name="Memory">What it uses; in a memory with faults nothing needs naming.</param>
/// <param name="After">What has ended before it begins.</param>
/// <param name="Callback">A gpusvm_callback; 0 for none.</param>
/// <param name="CallbackArguments">Its last argument.</param>
internal readonly record struct SessionWork(
    nint Kernel, nint Arguments, ulong Groups, JobMemory[] Memory, SoftwareGpuLaunch[] After, nint Callback = 0, nint CallbackArguments = 0);
