// SPDX-License-Identifier: MIT
using System.Globalization;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Tests;

/// <summary>Plays a day's history on a machine and on the model side by side.</summary>
internal sealed partial class DayRun
{
    /// <summary>Pages that operations speak of: those of the area, and more for allocations.</summary>
    public const int Pages = AreaPages + 900;

    private const int AreaPages = 2560;
    private const int MostAllocations = 3;
    private const int MostUserptrs = 3;
    private const int MostReplays = 100;
    private const int LinesKept = 30;
    private const int CheckEvery = 40;
    private const int CompareEvery = 400;

    private readonly DayMachine _machine;
    private readonly DayModel _model = new();
    private readonly List<AddressRange> _allocations = [];
    private readonly List<(int Vm, GpuUserptr Userptr)> _userptrs = [];
    private readonly AddressRange _area = AddressRange.OfPages(new VirtualAddress(0x2000_0000_0000UL), AreaPages);
    private readonly Queue<string> _lines = [];
    private InjectionPoint? _armed;
    private string _what = "";

    private DayRun(DaySettings settings) => _machine = new DayMachine(settings);

    /// <summary>Whether what was armed for this operation has failed.</summary>
    private bool HasFailed => _armed is { } point && Injection.Waiting(point) == 0;

    /// <summary>Plays a history to its end, or to the operation that goes wrong.</summary>
    /// <param name="settings">The machine.</param>
    /// <param name="operations">The history.</param>
    /// <returns>What went wrong; null if nothing did.</returns>
    public static DayFailure? Play(DaySettings settings, IReadOnlyList<DayOperation> operations)
    {
        int number = 0;
        DayRun? run = null;
        try
        {
            run = new DayRun(settings);
            run.Map(run._area);
            for (; number < operations.Count; number++)
                run.Step(number, operations[number]);
            run._what = "the end";
            run.End();
            return null;
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            return new DayFailure(number, exception, run is null ? [] : [.. run._lines, $"{number}: {run._what}"]);
        }
        finally
        {
            SchedulePoint.Install(null);
            Injection.Reset();
        }
    }

    private void Step(int number, in DayOperation operation)
    {
        _machine.Time.Advance(operation.Pause);
        _what = operation.ToString();
        _armed = operation.Fails;
        if (operation.Fails is { } point)
            Injection.Arm(point, operation.Hit);
        Do(operation);
        bool hasFailed = HasFailed;
        _armed = null;
        Injection.Reset();
        _lines.Enqueue(string.Create(CultureInfo.InvariantCulture, $"{number}: {_what}{(hasFailed ? ", a failure was injected" : "")}"));
        if (_lines.Count > LinesKept)
            _lines.Dequeue();
        if (number % CheckEvery == CheckEvery - 1)
            _machine.Check();
        if (number % CompareEvery == CompareEvery - 1)
            CompareAll(number / CompareEvery % 4);
    }

    private void Do(in DayOperation operation)
    {
        switch (operation.Kind)
        {
            case DayOperationKind.CpuRead or DayOperationKind.CpuWrite:
                CpuAccess(operation);
                break;
            case DayOperationKind.CpuAdd:
                CpuAdd(operation);
                break;
            case DayOperationKind.GpuRead or DayOperationKind.GpuWrite:
                GpuAccess(operation);
                break;
            case DayOperationKind.GpuAdd:
                GpuAdd(operation);
                break;
            case DayOperationKind.PrefetchToDevice or DayOperationKind.PrefetchToSystem:
                Prefetch(operation);
                break;
            case DayOperationKind.PrefetchInBackground:
                PrefetchInBackground(operation);
                break;
            case DayOperationKind.Advise or DayOperationKind.Unadvise:
                Advise(operation);
                break;
            case DayOperationKind.Map:
                Map(InArea(operation));
                break;
            case DayOperationKind.Unmap:
                Unmap(InArea(operation));
                break;
            case DayOperationKind.Remap:
                Remap(operation);
                break;
            case DayOperationKind.Protect:
                Protect(operation);
                break;
            case DayOperationKind.Discard:
                Discard(operation);
                break;
            case DayOperationKind.Allocate:
                Allocate(operation);
                break;
            case DayOperationKind.Free:
                Free(operation);
                break;
            case DayOperationKind.BindUserptr:
                BindUserptr(operation);
                break;
            case DayOperationKind.UseUserptr:
                UseUserptr(operation);
                break;
            case DayOperationKind.UnbindUserptr:
                UnbindUserptr(operation);
                break;
            case DayOperationKind.EvictOne or DayOperationKind.EvictAll:
                Evict(operation);
                break;
            case DayOperationKind.Shrink:
                _machine.Vms[operation.Place].Shrink();
                break;
            case DayOperationKind.ChangeEviction:
                (int vm, int device) = _machine.At(operation.Place);
                _machine.Vms[vm].Devices[device].Pagemap.Eviction = DaySettings.Eviction(operation.Value);
                break;
            case DayOperationKind.Job:
                Job(operation);
                break;
            case DayOperationKind.Query:
                Query(operation);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(operation));
        }
    }

    /// <summary>Everything is compared from all sides, taken down, and nothing is left.</summary>
    private void End()
    {
        for (int side = 0; side < 4; side++)
            CompareAll(side);
        _machine.Check();
        foreach ((int vm, GpuUserptr userptr) in _userptrs)
            Assert.Equal(SvmStatus.Done, _machine.Vms[vm].UnbindUserptr(userptr));
        foreach (AddressRange allocation in _allocations)
            Assert.Equal(SvmStatus.Done, _machine.Host.Free(allocation));
        Assert.Equal(SvmStatus.Done, _machine.Memory.Unmap(_area));
        foreach (GpuVm vm in _machine.Vms)
            vm.Collect();
        _machine.End();
    }

    /// <summary>Compares what became of something with what must become of it.</summary>
    /// <param name="status">What became.</param>
    /// <param name="expected">What the model says.</param>
    /// <param name="name">Of what.</param>
    /// <returns>False if a failure came through that was injected: then nothing may have changed.</returns>
    private bool Expect(SvmStatus status, SvmStatus expected, string name)
    {
        if (status == expected)
            return true;
        if (!HasFailed || status == SvmStatus.Done)
            Assert.Fail($"{name}: {status}, but the model says {expected}{(HasFailed ? " (a failure was injected)" : "")}");
        return false;
    }

    /// <summary>The memory that an operation means.</summary>
    private AddressRange Where(in DayOperation operation)
    {
        if (operation.Page < AreaPages || _allocations.Count == 0)
            return InArea(operation);
        int beyond = operation.Page - AreaPages;
        return Part(_allocations[beyond % _allocations.Count], beyond / MostAllocations, operation.Pages);
    }

    private AddressRange InArea(in DayOperation operation) => Part(_area, operation.Page, operation.Pages);

    private static AddressRange Part(AddressRange whole, int page, int pages)
    {
        page %= (int)whole.Pages;
        return AddressRange.OfPages(whole.Start + ((long)page * PageSize.Bytes), Math.Min(pages, whole.Pages - page));
    }

    /// <summary>Some bytes of the memory that an operation means.</summary>
    private AddressRange BytesOf(in DayOperation operation)
    {
        AddressRange where = Where(operation);
        int offset = operation.Value % PageSize.Bytes;
        long most = (operation.Value & 1 << 29) == 0 ? 3L * PageSize.Bytes : 40L * PageSize.Bytes;
        return AddressRange.OfBytes(where.Start + offset, Math.Min(where.Bytes - offset, 1 + ((operation.Value >> 12) % most)));
    }
}
