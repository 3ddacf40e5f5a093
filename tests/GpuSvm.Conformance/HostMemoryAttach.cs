// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Conformance;

/// <summary>Attaching pages where they came from, however long an event is pending.</summary>
public static class HostMemoryAttach
{
    /// <summary>Attaches pages at their own place, outside of the gate, until no event is pending.</summary>
    /// <param name="memory">The memory.</param>
    /// <param name="interval">The interval the block was acquired for, or a part of it.</param>
    /// <param name="staging">The block.</param>
    /// <param name="writable">Whether the CPU may write without a further fault.</param>
    /// <returns>The memory's first answer that is not Retry.</returns>
    public static SvmStatus Attach(this IHostMemory memory, AddressRange interval, HostStaging staging, bool writable)
    {
        SvmStatus status = SvmStatus.Retry;
        for (long deadline = Environment.TickCount64 + 10_000; status == SvmStatus.Retry && Environment.TickCount64 < deadline; Thread.Yield())
            status = memory.Attach(interval, staging, staging.Interval.PageIndexOf(interval.Start), writable);
        return status;
    }
}
