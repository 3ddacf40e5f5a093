// SPDX-License-Identifier: MIT
using System.Numerics;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;

namespace GpuSvm.Core.Pagemaps;

/// <content>Copies. The bytes of a run are moved by the engine of the device that holds them; runs of one engine are one batch, waited for together.</content>
public sealed partial class Pagemap
{
    /// <summary>Copies what a migration holds into its destination frames, holes as zeroes, and waits.</summary>
    /// <param name="migration">The migration.</param>
    /// <param name="population">Knows the frames.</param>
    /// <param name="first">The migration's first page in the plan.</param>
    /// <param name="copied">How many pages held bytes.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or an engine's or link's failure; then nothing is under way any more either.</returns>
    private SvmStatus CopyIn(PageMigration migration, Population population, int first, out int copied)
    {
        copied = 0;
        ulong fence = 0; // This device's engine: everything queued up to here.
        for (int i = 0; i < population.Blocks; i++)
            fence = Math.Max(fence, population.Block(i).Fence);
        Pagemap? peer = null;
        ulong peerFence = 0;
        int mapped = 0; // Mappings for the peer.
        SvmStatus status = SvmStatus.Done;
        int pages = (int)migration.Interval.Pages;
        for (int page = 0; page < pages && status == SvmStatus.Done;)
        {
            int run = migration.IsCollected(page) ? Math.Min(migration.RunLength(page), population.FrameRun(first + page)) : 0;
            if (run == 0)
            {
                page++;
                continue;
            }

            var destination = new DeviceFrame(population.Frames[first + page]);
            MigrationSource source = migration.SourceOf(page);
            if (source == MigrationSource.Device)
            {
                var from = (Pagemap)_host.PageOwner(migration.SourceEntry(page).Pagemap);
                if (!ReferenceEquals(from, peer))
                {
                    status = EndBatch(peer, peerFence, population, ref mapped);
                    if (status == SvmStatus.Done)
                        status = WaitFence(_engine, fence); // Another engine is not queued behind ours.
                    (peer, peerFence) = (from, 0);
                }

                if (status == SvmStatus.Done)
                    status = from.CopyToPeer(this, migration.SourceFrame(page), destination, run, population, ref mapped, ref peerFence);
                copied += run;
            }
            else if (source == MigrationSource.Ram)
            {
                status = Injection.ShouldFail(InjectionPoint.CopyToDevice) ? SvmStatus.CopyFailed
                    : Note(_engine.CopyToDevice(migration.Staging!.Pointer + ((long)migration.StagingIndex(page) << PageSize.Shift), destination, run, out ulong queued), queued, ref fence);
                copied += run;
                _host.Events.Recorder?.Resident(AddressRange.OfPages(migration.Interval.Start + ((long)page << PageSize.Shift), run), SvmPlace.Ram); // The CPU may have written them without a fault.
            }
            else
            {
                // Frames that follow each other may be of several blocks, of which some are cleared.
                DeviceAllocation block = _zoneData[destination.Number]!.Allocation;
                run = Math.Min(run, block.First.Number + block.Order.Pages - destination.Number);
                if (!block.IsCleared)
                {
                    status = Injection.ShouldFail(InjectionPoint.ClearDevice) ? SvmStatus.CopyFailed
                        : Note(_engine.Clear(destination, run, out ulong queued), queued, ref fence);
                }
            }

            page += run;
        }

        // Both are waited for whatever has happened: nothing may be written into frames that are given up, nor through mappings that are gone.
        SvmStatus peerEnd = EndBatch(peer, peerFence, population, ref mapped);
        SvmStatus end = WaitFence(_engine, fence);
        return status != SvmStatus.Done ? status : peerEnd != SvmStatus.Done ? peerEnd : end;
    }

    /// <summary>Queues a copy of frames of this device to another, or to other frames of this one.</summary>
    /// <param name="target">Where to.</param>
    /// <param name="source">The first frame.</param>
    /// <param name="destination">The target's first frame.</param>
    /// <param name="pages">How many.</param>
    /// <param name="population">Keeps the mappings made for the copy.</param>
    /// <param name="mapped">How many there are.</param>
    /// <param name="fence">What to wait for on this device's engine.</param>
    /// <returns><see cref="SvmStatus.Done"/>, or why it could not be queued whole.</returns>
    private SvmStatus CopyToPeer(Pagemap target, DeviceFrame source, DeviceFrame destination, int pages, Population population, ref int mapped, ref ulong fence)
    {
        while (pages > 0)
        {
            int aligned = BitOperations.TrailingZeroCount((uint)destination.Number | (1U << PageOrder.Huge.Value));
            var order = new PageOrder((byte)Math.Min(aligned, BitOperations.Log2((uint)pages)));
            SvmStatus status = target.MapFor(Device, destination, order, writable: true, out DeviceAddress address);
            if (status != SvmStatus.Done)
                return status;
            population.PeerAddresses[mapped++] = address;
            status = Injection.ShouldFail(InjectionPoint.CopyToPeer) ? SvmStatus.CopyFailed
                : Note(_engine.CopyToPeer(source, address, order.Pages, out ulong queued), queued, ref fence);
            if (status != SvmStatus.Done)
                return status;
            source += order.Pages;
            destination += order.Pages;
            pages -= order.Pages;
        }

        return SvmStatus.Done;
    }

    /// <summary>Waits for a peer's batch and takes its mappings of our frames away.</summary>
    /// <param name="peer">Whose; null for none.</param>
    /// <param name="fence">What to wait for on its engine.</param>
    /// <param name="population">Holds the mappings.</param>
    /// <param name="mapped">How many; none afterwards.</param>
    /// <returns>What became of the batch.</returns>
    private SvmStatus EndBatch(Pagemap? peer, ulong fence, Population population, ref int mapped)
    {
        if (peer is null)
            return SvmStatus.Done;
        SvmStatus status = WaitFence(peer._engine, fence);
        for (int i = 0; i < mapped; i++)
            UnmapFor(peer.Device, population.PeerAddresses[i]);
        mapped = 0;
        return status;
    }

    /// <summary>Copies the claimed pages of a migration from their frames into its staging block, and waits.</summary>
    /// <param name="migration">The migration.</param>
    /// <returns><see cref="SvmStatus.Done"/> or the engine's failure; then nothing is under way any more either.</returns>
    private SvmStatus CopyOut(PageMigration migration)
    {
        ulong fence = 0;
        int pages = (int)migration.Interval.Pages;
        SvmStatus status = SvmStatus.Done;
        for (int page = 0; page < pages && status == SvmStatus.Done;)
        {
            int run = SourceRun(migration, page, pages);
            if (run > 0)
            {
                status = Injection.ShouldFail(InjectionPoint.CopyToHost) ? SvmStatus.CopyFailed
                    : Note(_engine.CopyToHost(migration.SourceFrame(page), migration.Staging!.Pointer + ((long)migration.StagingIndex(page) << PageSize.Shift), run, out ulong queued), queued, ref fence);
            }

            page += Math.Max(run, 1);
        }

        SvmStatus end = WaitFence(_engine, fence);
        return status == SvmStatus.Done ? end : status;
    }

    /// <summary>The length of the run of claimed device pages from one on whose frames follow each other.</summary>
    /// <param name="migration">The migration.</param>
    /// <param name="page">The page.</param>
    /// <param name="end">Where to stop at the latest.</param>
    /// <returns>Pages; 0 if the page was not claimed.</returns>
    private static int SourceRun(PageMigration migration, int page, int end)
    {
        int run = 0;
        while (page + run < end && migration.IsCollected(page + run) && migration.SourceFrame(page + run) == migration.SourceFrame(page) + run)
            run++;
        return run;
    }

    /// <summary>Keeps the newest fence of a batch.</summary>
    /// <param name="status">What queueing came to.</param>
    /// <param name="queued">The fence it gave.</param>
    /// <param name="fence">The newest.</param>
    /// <returns>The status.</returns>
    private static SvmStatus Note(SvmStatus status, ulong queued, ref ulong fence)
    {
        fence = Math.Max(fence, queued);
        return status;
    }

    /// <summary>Waits for a fence.</summary>
    /// <param name="engine">Whose.</param>
    /// <param name="fence">The value; 0 has passed.</param>
    /// <returns>What became of the work before it.</returns>
    private static SvmStatus WaitFence(ICopyEngine engine, ulong fence)
    {
        SvmStatus status = engine.Wait(fence);
        return Injection.ShouldFail(InjectionPoint.FenceWait) ? SvmStatus.CopyFailed : status; // The work has ended either way.
    }
}
