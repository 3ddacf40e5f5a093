// SPDX-License-Identifier: MIT
using GpuSvm.Conformance;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.Simulation.Tests;

/// <summary>Runs a history on simulated memory and on the reference model side by side.</summary>
/// <param name="options">The machine.</param>
public sealed class HistoryRun(SimulatedHostOptions options) : IDisposable
{
    private readonly SimulatedHostMemory _memory = new(options);
    private readonly ReferenceMemory _model = new();
    private readonly List<AddressRange> _allocations = [];
    private RecordingClient? _client;

    /// <summary>Does all steps, then compares every mapped byte and looks for leaks.</summary>
    /// <param name="steps">The history.</param>
    public void Run(HistoryStep[] steps)
    {
        _client = new RecordingClient(_memory);
        for (int i = 0; i < steps.Length; i++)
        {
            _client.AttachesWritable = steps[i].Value % 4 != 0;
            Do(steps[i], _client);
        }

        foreach (AddressRange interval in _allocations)
            CompareMapped(interval);
        _client.BringAllBack();
        foreach (AddressRange interval in _allocations)
        {
            CompareMapped(interval);
            _memory.Unmap(interval);
            _model.Unmap(interval);
        }

        _memory.VerifyNoLeaks();
        Assert.Equal(0, _memory.FramesInUse);
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    /// <summary>Does one step.</summary>
    private void Do(HistoryStep step, RecordingClient client)
    {
        if (step.Kind == HistoryStepKind.Allocate || _allocations.Count == 0)
        {
            Allocate(step);
            return;
        }

        AddressRange allocation = _allocations[step.Where % _allocations.Count];
        var order = new PageOrder((byte)(step.Size % 10));
        VirtualAddress page = allocation.Start + ((long)(step.Where / 7 % allocation.Pages) << PageSize.Shift);
        AddressRange block = page.Block(order), pages = AddressRange.OfPages(page, 1 + step.Size % 9).Intersect(allocation);
        VirtualAddress address = page + step.Value % PageSize.Bytes;
        byte[] bytes = Pattern.Of(address, 1 + step.Size % 6000, step.Value);
        AddressRange touched = AddressRange.OfBytes(address, bytes.Length);
        switch (step.Kind)
        {
            case HistoryStepKind.Free:
                SvmStatus freed = _memory.Free(allocation);
                Assert.True(freed is SvmStatus.Done or SvmStatus.InvalidHandle, $"Free answered {freed}."); // The latter once the program unmapped all of it.
                if (freed.IsDone())
                {
                    client.Forget(allocation);
                    _allocations.Remove(allocation);
                    _model.Unmap(allocation);
                }

                break;
            case HistoryStepKind.CpuWrite when _model.IsMapped(touched):
                Assert.Equal(SvmStatus.Done, _memory.CpuWrite(address, bytes));
                _model.Write(address, bytes);
                break;
            case HistoryStepKind.CpuRead:
                if (_model.IsMapped(touched))
                    Compare(touched);
                else
                    Assert.Equal(SvmStatus.NotMapped, _memory.CpuRead(address, bytes));
                break;
            case HistoryStepKind.MoveAway when _model.IsMapped(block):
                Assert.True(client.MoveAway(block) is SvmStatus.Done or SvmStatus.Busy or SvmStatus.OutOfHostMemory);
                break;
            case HistoryStepKind.BringBack when client.IsAway(page):
                Assert.Equal(SvmStatus.Done, client.BringBack(page));
                break;
            case HistoryStepKind.DeviceWrite when client.IsAway(page):
                bytes = bytes[..Math.Min(bytes.Length, PageSize.Bytes - step.Value % PageSize.Bytes)];
                client.DeviceWrite(address, bytes);
                _model.Write(address, bytes);
                break;
            case HistoryStepKind.DmaWrite:
                if (_memory.Write(address, bytes).IsDone())
                    _model.Write(address, bytes);
                break;
            case HistoryStepKind.Populate when _model.IsMapped(pages) && !AnyAway(pages, client):
                Assert.Equal(SvmStatus.Done, _memory.Populate(pages, step.Value % 2 == 0 ? MemoryAccess.Read : MemoryAccess.Write));
                break;
            case HistoryStepKind.WriteProtect when _model.IsMapped(pages):
                Assert.Equal(SvmStatus.Done, _memory.WriteProtect(pages, step.Value % 2 == 0));
                break;
            case HistoryStepKind.DontNeed when _model.IsMapped(pages):
                Assert.Equal(SvmStatus.Done, _memory.DontNeed(pages));
                _model.Zero(pages);
                break;
            case HistoryStepKind.Unmap:
                Assert.Equal(SvmStatus.Done, _memory.Unmap(pages));
                _model.Unmap(pages);
                break;
            case HistoryStepKind.MapOver:
                Assert.Equal(SvmStatus.Done, _memory.Map(pages.Start, pages.Bytes));
                _model.Map(pages);
                break;
            default:
                break;
        }
    }

    /// <summary>Allocates where there is room for it.</summary>
    private void Allocate(HistoryStep step)
    {
        if (_allocations.Count == 4)
            return;
        long pages = step.Value % 5 == 0 ? PageSize.PagesPerHuge : 1 + step.Size % 40;
        Assert.Equal(SvmStatus.Done, _memory.Allocate(pages * PageSize.Bytes, out AddressRange interval));
        // The address may be one that an earlier allocation lost to unmap; that one stays in the list for as long as anything of it is mapped.
        _allocations.RemoveAll(other => !AnyMapped(other));
        _allocations.Add(interval);
        _model.Map(interval);
    }

    /// <summary>Compares the mapped pages of an interval through the CPU, faults and all.</summary>
    private void CompareMapped(AddressRange interval)
    {
        for (VirtualAddress page = interval.Start; page < interval.End; page += PageSize.Bytes)
        {
            if (_model.IsMapped(AddressRange.OfPages(page, 1)))
                Compare(AddressRange.OfPages(page, 1));
        }
    }

    /// <summary>Compares bytes that are mapped.</summary>
    private void Compare(AddressRange interval)
    {
        byte[] actual = new byte[interval.Bytes];
        Assert.Equal(SvmStatus.Done, _memory.CpuRead(interval.Start, actual));
        Assert.Null(_model.FirstDifference(interval.Start, actual));
    }

    /// <summary>Whether a page of an interval is mapped.</summary>
    private bool AnyMapped(AddressRange interval)
    {
        for (VirtualAddress page = interval.Start; page < interval.End; page += PageSize.Bytes)
        {
            if (_model.IsMapped(AddressRange.OfPages(page, 1)))
                return true;
        }

        return false;
    }

    /// <summary>Whether a page of an interval is away.</summary>
    private static bool AnyAway(AddressRange interval, RecordingClient client)
    {
        for (VirtualAddress page = interval.Start; page < interval.End; page += PageSize.Bytes)
        {
            if (client.IsAway(page))
                return true;
        }

        return false;
    }
}
