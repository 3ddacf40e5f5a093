// SPDX-License-Identifier: MIT
using System.Numerics;

namespace GpuSvm.Lab.Explaining;

/// <summary>Tells patterns of use apart.</summary>
internal static class UsePatterns
{
    private const double LeastTrips = 1.5; // To and fro, from which on memory is fought over.

    /// <summary>The pattern of a block.</summary>
    /// <param name="use">What became of it.</param>
    /// <param name="pieceBytes">Bytes of a piece.</param>
    /// <param name="analysis">The analysis that it belongs to.</param>
    public static UsePattern Of(BlockUse use, long pieceBytes, TraceAnalysis analysis)
    {
        if (use.Migrations + use.DeviceFaults + use.CpuFaults + use.RemoteAccesses == 0)
            return UsePattern.Quiet;
        double bytes = Math.Max(use.LivePieces, 1) * pieceBytes;
        if (use.RemoteAccesses * analysis.CostModel.RemoteAccessNanoseconds > use.Cost / 2)
            return UsePattern.Remote;
        if (use.BytesReturned * 2 >= bytes && use.BytesEvicted >= use.BytesFetchedHome)
            return UsePattern.Returning;
        double trips = Math.Min(use.BytesToDevice, use.BytesFetchedHome) / bytes;
        if (trips >= LeastTrips || (trips > 0 && use.ThrashingDetected > 0)) // The thrash policy ends a quarrel early.
        {
            // Faults alone tell of the first page of what moved together: whether the others were touched is not known then.
            bool isApart = (use.DeviceMask & use.CpuMask) == 0 && (analysis.KnowsAccesses || (use.DeviceMask != 0 && use.CpuMask != 0));
            return isApart ? UsePattern.FalseSharing : UsePattern.PingPong;
        }

        return analysis.KnowsAccesses ? OfUsed(use, pieceBytes) : UsePattern.Moved;
    }

    /// <summary>The pattern of a block that nobody fights over, by its accesses.</summary>
    /// <param name="use">What became of it.</param>
    /// <param name="pieceBytes">Bytes of a piece.</param>
    private static UsePattern OfUsed(BlockUse use, long pieceBytes)
    {
        int used = BitOperations.PopCount(use.DeviceMask);
        if (BitOperations.PopCount(use.CameMask) > 2 * used)
            return UsePattern.Unused;
        if (use.CpuMaskEver == 0)
            return UsePattern.DeviceOnly;
        if (use.CpuAccessesBefore == 0 && use.DeviceWrites > 0)
            return UsePattern.Result;
        if (use.DeviceWrites > 0)
            return use.BytesFetchedHome > 0 ? UsePattern.Result : UsePattern.Moved;
        return use.Launches <= 1 && use.DeviceAccessBytes <= 1.5 * used * pieceBytes ? UsePattern.Streamed : UsePattern.ReadOnly;
    }
}
