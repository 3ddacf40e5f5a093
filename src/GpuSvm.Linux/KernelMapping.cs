// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Linux;

/// <summary>One mapping as the kernel has it at this moment. Kernel: struct vm_area_struct.</summary>
/// <param name="Interval">Its whole interval.</param>
/// <param name="IsReadable">Whether the program may read it.</param>
/// <param name="IsWritable">Whether the program may write it.</param>
/// <param name="IsPlain">Whether its pages are anonymous, private and of 4 KiB or transparently huge: the only ones that UFFDIO_MOVE takes.</param>
internal readonly record struct KernelMapping(AddressRange Interval, bool IsReadable, bool IsWritable, bool IsPlain);
