// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Tests;

/// <summary>What can happen in a day's history.</summary>
internal enum DayOperationKind
{
    CpuRead,
    CpuWrite,
    CpuAdd,
    GpuRead,
    GpuWrite,
    GpuAdd,
    PrefetchToDevice,
    PrefetchToSystem,
    PrefetchInBackground,
    Advise,
    Unadvise,
    Map,
    Unmap,
    Remap,
    Protect,
    Discard,
    Allocate,
    Free,
    BindUserptr,
    UseUserptr,
    UnbindUserptr,
    EvictOne,
    EvictAll,
    Shrink,
    ChangeEviction,
    Job,
    Query,
}
