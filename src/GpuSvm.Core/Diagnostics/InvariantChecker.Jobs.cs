// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Diagnostics;

/// <content>What running jobs have named.</content>
public static partial class InvariantChecker
{
    /// <summary>Checks that what running jobs have named is bound while their queues run: INV-42.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="violations">Receives sentences.</param>
    /// <remarks>Locking: takes Jobs, under which every change begins by stopping the queues; so this holds at any moment, whatever else goes on.</remarks>
    private static void CheckJobs(GpuVm vm, List<string> violations)
    {
        if (vm.Jobs is not { } jobs)
            return;
        using (jobs.Lock.Enter())
        {
            foreach (GpuJob job in jobs.JobsLocked)
            {
                if (job.State != JobState.Running || jobs.IsStoppedLocked(job.Device.Index))
                    continue;
                foreach (JobPiece piece in job.Pieces)
                    CheckPiece(job.Device, piece, violations);
            }
        }
    }

    /// <summary>Checks that one piece is bound: INV-42.</summary>
    /// <param name="device">For whom.</param>
    /// <param name="piece">The piece.</param>
    /// <param name="violations">Receives sentences.</param>
    private static void CheckPiece(VmDevice device, in JobPiece piece, List<string> violations)
    {
        for (VirtualAddress at = piece.Interval.Start; at < piece.Interval.End; at += PageSize.Bytes)
        {
            DeviceAddress bound = device.PageTable.Lookup(at);
            if (!bound.IsPresent || (piece.Access != MemoryAccess.Read && !bound.IsWritable))
                violations.Add(Say("INV-42", $"a running job of device {device.Index} needs {at} for a {piece.Access} and it is {(bound.IsPresent ? "read-only" : "not bound")}"));
        }
    }
}
