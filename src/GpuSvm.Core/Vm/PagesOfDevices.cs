// SPDX-License-Identifier: MIT
using System.Runtime.CompilerServices;
using GpuSvm.Core.Svm;

namespace GpuSvm.Core.Vm;

/// <summary>Room on the stack for the pages objects of all devices of a VM, so that feeding them from one host fault allocates nothing.</summary>
[InlineArray(64)]
internal struct PagesOfDevices
{
    private SvmPages _first;
}
