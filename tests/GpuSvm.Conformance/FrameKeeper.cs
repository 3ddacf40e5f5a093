// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;

namespace GpuSvm.Conformance;

/// <summary>The smallest device that pages can live on: frames in an array, copied by hand. It owns what migrations leave to their callers.</summary>
public sealed class FrameKeeper : IDevicePageOwner
{
    private readonly HostAddressSpace _host;
    private readonly byte[]?[] _frames; // Made when first used.
    private readonly Stack<int> _free = new();
    private readonly object _lock = new(); // Guards _free.

    /// <summary>Registers the device.</summary>
    /// <param name="host">The address space.</param>
    /// <param name="frames">How many frames it has.</param>
    /// <param name="owner">Its owner group.</param>
    public FrameKeeper(HostAddressSpace host, int frames, int owner = 1)
    {
        _host = host;
        OwnerToken = owner;
        _frames = new byte[frames][];
        for (int frame = frames - 1; frame >= 0; frame--)
            _free.Push(frame);
        Index = host.RegisterPagemap(this, frames);
    }

    /// <inheritdoc/>
    public int OwnerToken { get; }

    /// <summary>Its index in page entries.</summary>
    public int Index { get; }

    /// <summary>Called once, in the middle of the next migration: pages are collected, and nothing has been copied.</summary>
    public Action? WhileMoving { get; set; }

    /// <summary>Whether the next migration fails after the pages were collected.</summary>
    public bool FailsNext { get; set; }

    /// <summary>Whether pages that others have claimed are left out at once. Otherwise a migration here first waits for them: a program's thread goes on a moment before the
    /// claim of the thread that served it has ended.</summary>
    public bool IgnoresClaims { get; set; }

    /// <summary>How many pages one migration home takes at most around the page wanted, a power of two.</summary>
    public int HomePages { get; set; } = 1;

    /// <summary>Frames that hold nothing.</summary>
    public int FreeFrames
    {
        get
        {
            lock (_lock)
                return _free.Count;
        }
    }

    /// <summary>The bytes of a frame.</summary>
    /// <param name="frame">The frame.</param>
    /// <returns>4096 bytes.</returns>
    public Span<byte> Bytes(DeviceFrame frame) => _frames[frame.Number] ??= new byte[PageSize.Bytes];

    /// <summary>Moves pages here.</summary>
    /// <param name="interval">Inside 2 MiB.</param>
    /// <param name="selection">Which pages; the target is this device.</param>
    /// <param name="arrived">How many came.</param>
    /// <returns>The migration's status.</returns>
    public SvmStatus MoveIn(AddressRange interval, MigrationSelection selection, out int arrived)
    {
        arrived = 0;
        HostWorkspace workspace = _host.RentWorkspace();
        PageMigration migration = workspace.Migration;
        if (!IgnoresClaims)
            SpinWait.SpinUntil(() => !HasClaims(interval, workspace), 10_000);
        SvmStatus status = migration.SetupToDevice(interval, selection with { Target = Index }, MigrationCause.GpuFault);
        if (status == SvmStatus.Done && migration.CollectedPages > 0)
            status = Interrupt(migration) ?? CopyIn(migration, out arrived);
        _host.ReturnWorkspace(workspace);
        return status;
    }

    /// <summary>Moves everything here that is in RAM.</summary>
    /// <param name="interval">Inside 2 MiB.</param>
    /// <returns>How many pages came.</returns>
    public int MoveIn(AddressRange interval)
    {
        Assert.Equal(SvmStatus.Done, MoveIn(interval, new MigrationSelection(System: true), out int arrived));
        return arrived;
    }

    /// <summary>Moves pages to RAM, from whichever device they are on.</summary>
    /// <param name="interval">Inside 2 MiB.</param>
    /// <param name="selection">Which.</param>
    /// <param name="cause">On whose behalf.</param>
    /// <param name="done">The part of the interval that was worked on.</param>
    /// <returns>The migration's status; <see cref="SvmStatus.Retry"/> if nothing was collected.</returns>
    public SvmStatus MoveHome(AddressRange interval, FrameSelection selection, MigrationCause cause, out AddressRange done)
    {
        HostWorkspace workspace = _host.RentWorkspace();
        PageMigration migration = workspace.Migration;
        SvmStatus status = migration.SetupToRam(interval, selection, cause);
        done = migration.Interval;
        if (status == SvmStatus.Done)
            status = migration.CollectedPages == 0 ? SvmStatus.Retry : Interrupt(migration) ?? CopyOut(migration);
        _host.ReturnWorkspace(workspace);
        return status;
    }

    /// <summary>Empties frames of this device, asking for no address.</summary>
    /// <param name="frames">Which.</param>
    /// <returns>How many migrations it took.</returns>
    public int EvictFrames(ReadOnlySpan<DeviceFrame> frames)
    {
        HostWorkspace workspace = _host.RentWorkspace();
        int migrations = 0;
        for (int cursor = 0; ;)
        {
            Assert.Equal(SvmStatus.Done, workspace.Migration.SetupByFrames(Index, frames, ref cursor, MigrationCause.Eviction));
            if (workspace.Migration.CollectedPages == 0)
                break;
            Assert.Equal(SvmStatus.Done, CopyOut(workspace.Migration));
            migrations++;
        }

        _host.ReturnWorkspace(workspace);
        return migrations;
    }

    /// <inheritdoc/>
    public SvmStatus MigrateToRam(VirtualAddress address, PageEntry entry, MigrationCause cause) =>
        MoveHome(address.Block(PageOrder.FloorOf(HomePages)), new FrameSelection(Index), cause, out _);

    /// <inheritdoc/>
    public SvmStatus MapFor(IGpuDevice device, DeviceFrame frame, PageOrder order, bool writable, out DeviceAddress address) =>
        throw new NotSupportedException("Nothing is mapped here.");

    /// <inheritdoc/>
    public void UnmapFor(IGpuDevice device, DeviceAddress address) => throw new NotSupportedException("Nothing is mapped here.");

    /// <inheritdoc/>
    public void ReleaseFrames(DeviceFrame first, int pages)
    {
        lock (_lock)
        {
            for (int frame = first.Number; frame < first.Number + pages; frame++)
            {
                Bytes(new DeviceFrame(frame)).Fill(0xEE);
                _free.Push(frame);
            }
        }
    }

    /// <summary>Whether somebody has claimed a page of an interval.</summary>
    private bool HasClaims(AddressRange interval, HostWorkspace workspace)
    {
        Span<PageEntry> entries = workspace.Entries.AsSpan(0, (int)interval.Pages);
        _host.ReadEntries(interval, entries);
        foreach (PageEntry entry in entries)
        {
            if (entry.IsMigrating)
                return true;
        }

        return false;
    }

    /// <summary>Lets the test have its way with a migration under way.</summary>
    private SvmStatus? Interrupt(PageMigration migration)
    {
        Action? action = WhileMoving;
        WhileMoving = null;
        action?.Invoke();
        if (!FailsNext)
            return null;
        FailsNext = false;
        Assert.Equal(SvmStatus.Done, migration.Abort());
        return SvmStatus.CopyFailed;
    }

    /// <summary>Copies what a migration has collected into frames here, and ends it.</summary>
    /// <param name="migration">A migration to this device, set up.</param>
    /// <param name="arrived">How many pages came.</param>
    /// <returns><see cref="SvmStatus.Done"/>.</returns>
    public SvmStatus CopyIn(PageMigration migration, out int arrived)
    {
        var frames = new DeviceFrame[migration.Interval.Pages];
        for (int page = 0; page < frames.Length; page++)
        {
            if (!migration.IsCollected(page))
                continue;
            frames[page] = TakeFrame();
            Span<byte> bytes = Bytes(frames[page]);
            switch (migration.SourceOf(page))
            {
                case MigrationSource.Ram:
                    DmaBytes.Read(migration.Staging!.Pointer + ((long)migration.StagingIndex(page) << PageSize.Shift), bytes);
                    break;
                case MigrationSource.Device:
                    ((FrameKeeper)_host.PageOwner(migration.SourceEntry(page).Pagemap)).Bytes(migration.SourceFrame(page)).CopyTo(bytes);
                    break;
                default:
                    bytes.Clear();
                    break;
            }

            migration.SetDestination(page, frames[page]);
        }

        bool[] collected = [.. Enumerable.Range(0, frames.Length).Select(migration.IsCollected)];
        arrived = migration.CompleteToDevice(Index);
        for (int page = 0; page < frames.Length; page++)
        {
            if (collected[page] && !migration.HasArrived(page))
                ReleaseFrames(frames[page], 1);
        }

        return SvmStatus.Done;
    }

    /// <summary>Copies what a migration has collected out of frames, ends it, and frees the frames whose pages are home.</summary>
    /// <param name="migration">A migration to RAM, set up.</param>
    /// <returns>The migration's status.</returns>
    public SvmStatus CopyOut(PageMigration migration)
    {
        int pages = (int)migration.Interval.Pages;
        for (int page = 0; page < pages; page++)
        {
            if (migration.IsCollected(page))
                DmaBytes.Write(
                    migration.Staging!.Pointer + ((long)migration.StagingIndex(page) << PageSize.Shift),
                    ((FrameKeeper)_host.PageOwner(migration.SourceEntry(page).Pagemap)).Bytes(migration.SourceFrame(page)));
        }

        SvmStatus status = migration.CompleteToRam(out _);
        for (int page = 0; page < pages; page++)
        {
            if (migration.HasArrived(page))
                _host.PageOwner(migration.SourceEntry(page).Pagemap).ReleaseFrames(migration.SourceFrame(page), 1);
        }

        return status;
    }

    /// <summary>Takes a free frame.</summary>
    private DeviceFrame TakeFrame()
    {
        lock (_lock)
            return new DeviceFrame(_free.Pop());
    }
}
