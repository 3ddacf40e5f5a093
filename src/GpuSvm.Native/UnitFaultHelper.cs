// SPDX-License-Identifier: MIT
using GpuSvm.Core.Device;
using GpuSvm.Core.Faults;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Native;

/// <summary>
/// Serves a unit's fault on the unit's own thread: the pages arrive on the processor that wants them, and no other thread has to be woken, which across
/// virtual processors costs more than the whole fault.
/// </summary>
/// <param name="buffer">The device's fault buffer.</param>
/// <param name="service">The service whose work this is; its threads take what is left.</param>
internal sealed class UnitFaultHelper(SoftwareGpuFaultBuffer buffer, FaultService service) : IFaultHelper
{
    private const int MaxFaults = 4;

    /// <inheritdoc/>
    /// <remarks>Serves what waits before the unit's own fault as well, some few at most, so that the order stays about that of arrival.</remarks>
    public bool TryService(in GpuFault fault)
    {
        Span<GpuFault> one = stackalloc GpuFault[1];
        for (int served = 0; served < MaxFaults; served++)
        {
            if (buffer.TryFetch(one) == 0)
                return served > 0;
            service.Serve(one[0]);
            if (one[0].Token == fault.Token)
                return true;
        }
        return true;
    }
}
