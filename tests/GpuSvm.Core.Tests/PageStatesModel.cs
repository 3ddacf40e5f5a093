// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Core.Tests;

/// <summary>
/// A host address space beside the obvious model of it: a number for each mapped page. Migrations are left under way while the program goes on unmapping, discarding and
/// moving pages; wherever pages are, the program and the devices find the model's numbers.
/// </summary>
internal sealed class PageStatesModel : IDisposable
{
    /// <summary>Pages of the area that everything happens in; a 2 MiB boundary lies in its middle.</summary>
    public const int Pages = 48;

    private const int Owner = 7;

    private readonly AddressSpaceMachine _machine = SimulatedHost.Machine(new Simulation.SimulatedHostOptions { Frames = 1024 });
    private readonly long?[] _numbers = new long?[Pages]; // Null where nothing is mapped.
    private readonly List<(HostWorkspace Workspace, bool IsHome)> _flights = [];
    private readonly AddressRange _area;
    private long _next;

    /// <summary>Makes an empty address space.</summary>
    public PageStatesModel() => _area = AddressRange.OfPages(_machine.FarAway() - (Pages / 2 * PageSize.Bytes), Pages);

    /// <summary>Does one step.</summary>
    /// <param name="kind">Which, 0 to 11.</param>
    /// <param name="page">Where, 0 to 47.</param>
    /// <param name="count">How much, 1 to 16.</param>
    public void Step(int kind, int page, int count)
    {
        int end = Math.Min(Pages, page + count);
        AddressRange interval = Interval(page, end);
        switch (kind)
        {
            case 0:
                Assert.Equal(SvmStatus.Done, _machine.Simulated().Map(interval.Start, interval.Bytes));
                Array.Fill(_numbers, 0, page, end - page);
                Store(page, end);
                break;
            case 1:
                _machine.Unmap(interval);
                Array.Fill(_numbers, null, page, end - page);
                break;
            case 2 when IsMapped(page, end):
                Assert.Equal(SvmStatus.Done, _machine.Simulated().DontNeed(interval));
                Array.Fill(_numbers, 0, page, end - page);
                break;
            case 3 when IsMapped(page, end):
                Move(page, end, (page + (count * 3)) % Pages);
                break;
            case 4:
                Store(page, end);
                break;
            case 5:
                Load(page, page + 1);
                break;
            case 6 or 7 when _flights.Count < 4:
                Begin(interval, isHome: kind == 7);
                break;
            case 8 or 9 when _flights.Count > 0:
                End(count % _flights.Count, fails: kind == 9);
                break;
            case 10 when IsMapped(page, end) && !IsClaimed(page, end):
                Assert.Equal(SvmStatus.Done, _machine.Want(interval, HmmRequest.Exclusive, Owner).Status);
                break;
            case 11:
                WriteAsDevice(page);
                break;
            default:
                break;
        }

        Check();
    }

    /// <summary>Ends what is under way, compares everything, and looks for leaks.</summary>
    public void Finish()
    {
        while (_flights.Count > 0)
            End(0, fails: false);
        Load(0, Pages);
        _machine.Unmap(_area);
        Assert.Equal(0, _machine.Host.States.MovedClaims);
        _machine.Finish();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        while (_flights.Count > 0)
            End(0, fails: true);
        _machine.Dispose();
    }

    /// <summary>The address of a page of the area.</summary>
    private VirtualAddress Address(int page) => AddressSpaceMachine.PageOf(_area, page);

    /// <summary>The interval of some pages of the area.</summary>
    private AddressRange Interval(int page, int end) => new(Address(page), Address(end));

    /// <summary>Whether each of some pages is mapped.</summary>
    private bool IsMapped(int page, int end) => !_numbers.AsSpan(page, end - page).Contains(null);

    /// <summary>Whether one of some pages is on its way.</summary>
    private bool IsClaimed(int page, int end)
    {
        for (; page < end; page++)
        {
            if (_machine.EntryOf(Address(page)).IsMigrating)
                return true;
        }

        return false;
    }

    /// <summary>The program stores a new number in each page that it can reach without waiting.</summary>
    private void Store(int page, int end)
    {
        for (; page < end; page++)
        {
            if (_numbers[page] is null || IsClaimed(page, page + 1))
                continue;
            _machine.Store(Address(page), ++_next);
            _numbers[page] = _next;
        }
    }

    /// <summary>The program finds the model's numbers in the pages that it can reach without waiting.</summary>
    private void Load(int page, int end)
    {
        for (; page < end; page++)
        {
            if (_numbers[page] is { } number && !IsClaimed(page, page + 1))
                Assert.Equal(number, _machine.Load(Address(page)));
        }
    }

    /// <summary>The program moves pages to another place in the area, if they fit there and do not overlap.</summary>
    private void Move(int page, int end, int target)
    {
        int pages = end - page;
        if (target + pages > Pages || Interval(page, end).Overlaps(Interval(target, target + pages)))
            return;
        _machine.Remap(Interval(page, end), Address(target));
        Array.Copy(_numbers, page, _numbers, target, pages);
        Array.Fill(_numbers, null, page, pages);
    }

    /// <summary>Begins a migration of what can be had of an interval, and leaves it under way.</summary>
    private void Begin(AddressRange interval, bool isHome)
    {
        interval = interval.Intersect(interval.Start.Block(PageOrder.Huge));
        if (!_machine.Host.TryFindMapping(interval.Start, out HostMapping mapping) || !mapping.Interval.Contains(interval.Start))
            return;
        interval = interval.Intersect(mapping.Interval);
        HostWorkspace workspace = _machine.Host.RentWorkspace();
        SvmStatus status = isHome
            ? workspace.Migration.SetupToRam(interval, FrameSelection.Any, MigrationCause.Eviction)
            : workspace.Migration.SetupToDevice(interval, new MigrationSelection(System: true, PeerOwner: 1, Target: _machine.Device.Index), MigrationCause.GpuFault);
        Assert.True(status is SvmStatus.Done or SvmStatus.Busy, $"{status}");
        if (status == SvmStatus.Done && workspace.Migration.CollectedPages > 0)
            _flights.Add((workspace, isHome));
        else
            _machine.Host.ReturnWorkspace(workspace);
    }

    /// <summary>Ends a migration that is under way, well or badly.</summary>
    private void End(int index, bool fails)
    {
        (HostWorkspace workspace, bool isHome) = _flights[index];
        _flights.RemoveAt(index);
        SvmStatus status = fails ? workspace.Migration.Abort()
            : isHome ? _machine.Device.CopyOut(workspace.Migration) : _machine.Device.CopyIn(workspace.Migration, out _);
        Assert.Equal(SvmStatus.Done, status);
        _machine.Host.ReturnWorkspace(workspace);
    }

    /// <summary>A device stores a new number in a page that it has.</summary>
    private void WriteAsDevice(int page)
    {
        PageEntry entry = _machine.EntryOf(Address(page));
        if (entry.IsMigrating || !(entry.IsDevice || entry.IsExclusive))
            return;
        _numbers[page] = ++_next;
        byte[] bytes = BitConverter.GetBytes(_next);
        if (entry.IsDevice)
            bytes.CopyTo(_machine.Device.Bytes(entry.Frame));
        else
            DmaBytes.Write(_machine.Want(Interval(page, page + 1), HmmRequest.Read, Owner).Frames[0].Pointer, bytes);
    }

    /// <summary>What must hold after each step: entries lie where something is mapped or under way, frames and pages agree, no exclusive page is counted twice.</summary>
    private void Check()
    {
        int exclusive = 0;
        for (int page = 0; page < Pages; page++)
        {
            PageEntry entry = _machine.EntryOf(Address(page));
            exclusive += entry.IsExclusive ? 1 : 0;
            Assert.True(entry.IsHost || entry.IsMigrating || _numbers[page] is not null, $"page {page} is not mapped and has an entry");
            if (entry.IsDevice)
                Assert.Equal(Address(page), _machine.Host.FindByFrame(entry.Pagemap, entry.Frame));
        }

        Assert.Equal(exclusive, _machine.Host.ExclusivePages);
        Assert.Equal(_flights.Count, _machine.Host.Users);
    }
}
