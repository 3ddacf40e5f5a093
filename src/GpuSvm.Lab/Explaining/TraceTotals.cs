// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Explaining;

/// <summary>What a trace has come to.</summary>
public sealed class TraceTotals
{
    /// <summary>Accesses that the trace holds.</summary>
    public long Accesses { get; set; }

    /// <summary>Faults of devices.</summary>
    public long DeviceFaults { get; set; }

    /// <summary>Of these, those that were refused.</summary>
    public long RefusedFaults { get; set; }

    /// <summary>Faults of CPU threads.</summary>
    public long CpuFaults { get; set; }

    /// <summary>Of these, those that fetched memory from a device.</summary>
    public long CpuFaultsThatFetched { get; set; }

    /// <summary>Bytes that came to a device, copied or cleared.</summary>
    public long BytesToDevice { get; set; }

    /// <summary>Bytes that went back to RAM.</summary>
    public long BytesToRam { get; set; }

    /// <summary>Bytes from device to device.</summary>
    public long BytesBetweenDevices { get; set; }

    /// <summary>Migrations: runs of addresses that moved.</summary>
    public long Migrations { get; set; }

    /// <summary>Runs that had to make room.</summary>
    public long Evictions { get; set; }

    /// <summary>Their bytes.</summary>
    public long BytesEvicted { get; set; }

    /// <summary>Bytes that came back to a device after they had made room.</summary>
    public long BytesReturned { get; set; }

    /// <summary>Invalidations.</summary>
    public long Invalidations { get; set; }

    /// <summary>Times that the thrash policy stepped in.</summary>
    public long ThrashingDetected { get; set; }

    /// <summary>How long devices were held back, in nanoseconds.</summary>
    public long Throttled { get; set; }

    /// <summary>Times that devices could not note faults for want of room.</summary>
    public long Overflows { get; set; }

    /// <summary>Times that memory was mapped where it was.</summary>
    public long RemoteMaps { get; set; }

    /// <summary>Accesses of devices to memory in RAM that did not come; known only where the trace holds accesses.</summary>
    public long RemoteAccesses { get; set; }

    /// <summary>The most bytes that were on devices at once.</summary>
    public long MostResident { get; set; }

    /// <summary>Time that went to faults, copies and accesses elsewhere, in nanoseconds.</summary>
    public double Cost { get; set; }
}
