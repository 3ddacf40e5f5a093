// SPDX-License-Identifier: MIT
using GpuSvm.Core.Device;

namespace GpuSvm.SoftwareGpu;

/// <summary>
/// Lets the thread of a faulting unit do the service's work instead of sleeping until another thread has done it: two context switches less for each fault.
/// Set once at <see cref="SoftwareGpuFaultBuffer.Helper"/>, before the first launch.
/// </summary>
public interface IFaultHelper
{
    /// <summary>
    /// Called by a unit's thread just after its fault went into the buffer. May fetch with <see cref="SoftwareGpuFaultBuffer.TryFetch"/>, serve and acknowledge any faults,
    /// this one among them, and may invalidate: the unit is neither in access nor active. Must not wait for other units.
    /// </summary>
    /// <param name="fault">The unit's own fault.</param>
    /// <returns>False if it did nothing. Either way the unit then waits for its acknowledge, and wakes a fetcher for what is still in the buffer.</returns>
    bool TryService(in GpuFault fault);
}
