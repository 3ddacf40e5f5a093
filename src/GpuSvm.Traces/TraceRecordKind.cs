// SPDX-License-Identifier: MIT
namespace GpuSvm.Traces;

/// <summary>The first byte of a record. From <see cref="Access"/> on the other bits belong to the access.</summary>
internal enum TraceRecordKind : byte
{
    /// <summary>A <see cref="TraceKernel"/>.</summary>
    Kernel = 1,

    /// <summary>A <see cref="TraceMapping"/>.</summary>
    Mapping = 2,

    /// <summary>A <see cref="TraceAdvice"/>.</summary>
    Advice = 3,

    /// <summary>A <see cref="TracePrefetch"/>.</summary>
    Prefetch = 4,

    /// <summary>A <see cref="TraceBind"/>.</summary>
    Bind = 5,

    /// <summary>An event.</summary>
    Event = 6,

    /// <summary>A <see cref="TraceResidence"/>, from version 1.1 on.</summary>
    Residence = 7,

    /// <summary>A <see cref="TraceLoss"/>, from version 1.1 on.</summary>
    Loss = 8,

    /// <summary>A <see cref="TraceAccess"/>: any byte with this bit.</summary>
    Access = 0x80,
}
