// SPDX-License-Identifier: MIT
using System.Numerics;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Lab.Replay;

namespace GpuSvm.Lab.Explaining;

/// <content>What events come to.</content>
public sealed partial class TraceAnalysis
{
    /// <summary>Takes a fault in.</summary>
    /// <param name="one">The event.</param>
    private void Fault(in SvmEvent one)
    {
        bool isDevice = one.Kind == SvmEventKind.GpuFault;
        int bin = Axis.Reach(one.Timestamp);
        ulong address = one.Address.Value;
        BlockUse block = Blocks.Of(address);
        uint mask = Blocks.MaskOf(address, address + 1);
        Heat.Of(address).Faults.Add(bin, 1);
        if (isDevice)
        {
            Totals.DeviceFaults++;
            Timelines.DeviceFaults.Add(bin, 1);
            if (_kernel >= 0)
                _kernels[_kernel].DeviceFaults++;
            UsedByDevice(block, mask);
            block.DeviceFaults++;
            DeviceFaultTimes.Record(one.Duration);
            Charge(block, KnowsDurations ? one.Duration : CostModel.FaultNanoseconds);
            return;
        }

        Totals.CpuFaults++;
        if (one.Cause == MigrationCause.CpuFault)
            Totals.CpuFaultsThatFetched++;
        Timelines.CpuFaults.Add(bin, 1);
        block.CpuFaults++;
        block.CpuMaskEver |= mask;
        if (block.IsDeviceUsed)
            block.CpuMask |= mask;
        CpuFaultTimes.Record(one.Duration);
        Charge(block, KnowsDurations ? one.Duration : CostModel.CpuFaultNanoseconds); // Where others have durations, one without cost nothing worth a word.
    }

    /// <summary>Takes a migration in.</summary>
    /// <param name="one">The event.</param>
    private void Migration(in SvmEvent one)
    {
        if (one.From >= 0 && one.To >= 0)
        {
            Totals.Migrations++;
            Totals.BytesBetweenDevices += one.Bytes;
            MigrationTimes.Record(one.Duration);
            return; // It stays on devices.
        }

        if (one.To >= 0)
            Arrived(one, one.Cause);
        else
            Departed(one);
    }

    /// <summary>Notes that memory has come to a device, moved or as a copy.</summary>
    /// <param name="one">The event.</param>
    /// <param name="cause">On whose behalf.</param>
    private void Arrived(in SvmEvent one, MigrationCause cause)
    {
        int bin = Axis.Reach(one.Timestamp);
        Totals.Migrations++;
        Totals.BytesToDevice += one.Bytes;
        Timelines.BytesOf(true, cause).Add(bin, one.Bytes);
        MigrationTimes.Record(one.Duration);
        if (_kernel >= 0)
            _kernels[_kernel].BytesToDevice += one.Bytes;
        long now = Axis.Now;
        double nanoseconds = CostOf(one, CostModel.ToDevice);
        double share = nanoseconds / Math.Max(one.Bytes, 1);
        Pieces(AddressRange.OfBytes(one.Address, one.Bytes), true, (block, mask, at, bytes) =>
        {
            block.Migrations++;
            block.BytesToDevice += bytes;
            block.CameMask |= mask;
            Heat.Of(at).In.Add(bin, bytes);
            if ((block.AwayMask & mask) != 0)
            {
                long back = Math.Min(bytes, BitOperations.PopCount(block.AwayMask & mask) * Blocks.PieceBytes);
                block.AwayMask &= ~mask;
                block.BytesReturned += back;
                Totals.BytesReturned += back;
                (block.FirstReturn, block.LastReturn) = (block.Returns == 0 ? now : block.FirstReturn, now);
                block.Returns++;
            }

            long more = BitOperations.PopCount(mask & ~block.ResidentMask) * Blocks.PieceBytes;
            block.ResidentMask |= mask;
            if (more > 0)
                ChangeResidency(at, more);
            Charge(block, share * bytes);
        });
    }

    /// <summary>Notes that memory has gone back to RAM.</summary>
    /// <param name="one">The event.</param>
    private void Departed(in SvmEvent one)
    {
        int bin = Axis.Reach(one.Timestamp);
        MigrationCause cause = one.Cause;
        Totals.Migrations++;
        Totals.BytesToRam += one.Bytes;
        Timelines.BytesOf(false, cause).Add(bin, one.Bytes);
        MigrationTimes.Record(one.Duration);
        if (_kernel >= 0)
            _kernels[_kernel].BytesToRam += one.Bytes;
        double share = CostOf(one, CostModel.ToHost) / Math.Max(one.Bytes, 1);
        Pieces(AddressRange.OfBytes(one.Address, one.Bytes), true, (block, mask, at, bytes) =>
        {
            block.Migrations++;
            block.BytesToRam += bytes;
            block.CameMask |= mask;
            Heat.Of(at).Out.Add(bin, bytes);
            if (cause == MigrationCause.Eviction)
            {
                block.BytesEvicted += bytes;
                block.AwayMask |= mask;
            }
            else if (cause is MigrationCause.CpuFault or MigrationCause.HostFault)
            {
                block.BytesFetchedHome += bytes;
                block.FetchedAfter ??= _launch ?? _lastEnded;
            }

            Leave(block, mask, at);
            Charge(block, share * bytes);
        });
    }

    /// <summary>What a migration costs beside the fault that it is a part of.</summary>
    /// <param name="one">The event.</param>
    /// <param name="link">What its direction costs where nobody has measured.</param>
    /// <returns>Nanoseconds.</returns>
    private double CostOf(in SvmEvent one, LinkCost link)
    {
        if (one.Duration > 0)
        {
            bool isCounted = one.Cause is MigrationCause.GpuFault or MigrationCause.CpuFault or MigrationCause.Eviction && KnowsDurations;
            isCounted |= one.Duration == _lastDuration && one.Timestamp - _lastTimestamp < one.Duration; // Another run of the same migration.
            (_lastDuration, _lastTimestamp) = (one.Duration, one.Timestamp);
            return isCounted ? 0 : one.Duration;
        }

        bool isWithin = KnowsDurations && one.Cause != MigrationCause.Prefetch;
        return isWithin ? 0 : CostModel.CopySetUpNanoseconds + (link.Picoseconds(one.Bytes) / VirtualClock.PicosecondsPerNanosecond);
    }

    /// <summary>Takes an eviction in: who had to go for whom. What moved for it has an event of its own.</summary>
    /// <param name="one">The event.</param>
    private void Evicted(in SvmEvent one)
    {
        Totals.Evictions++;
        Totals.BytesEvicted += one.Bytes;
        (string, string) pair = (NameOf(one.Address), one.Culprit.Value == 0 ? "nobody named" : NameOf(one.Culprit));
        if (_pairs.Count >= MostPairs && !_pairs.ContainsKey(pair))
            pair = ("all others", "all others");
        (long bytes, long evictions) = _pairs.GetValueOrDefault(pair);
        _pairs[pair] = (bytes + one.Bytes, evictions + 1);
    }

    /// <summary>What an address belongs to, in words.</summary>
    /// <param name="address">The address.</param>
    /// <returns>An allocation's name, or the 2 MiB around it.</returns>
    private string NameOf(VirtualAddress address) => Allocations.Find(address)?.ToString() ?? $"2 MiB at {address.AlignDown(PageOrder.Huge)}";

    /// <summary>Charges a block.</summary>
    /// <param name="block">The block.</param>
    /// <param name="nanoseconds">What for.</param>
    private void Charge(BlockUse block, double nanoseconds)
    {
        block.Cost += nanoseconds;
        Totals.Cost += nanoseconds;
    }
}
