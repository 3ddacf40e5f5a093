// SPDX-License-Identifier: MIT
using CsCheck;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Lab.Conformance;
using GpuSvm.Simulation;
using GpuSvm.SoftwareGpu.Mirror;

namespace GpuSvm.Lab.Tests;

/// <summary>Random programs that no trace has: whatever moves, every byte read is the one that a plain model has, and tables never say what is not so.</summary>
public sealed class RandomProgramTests
{
    private static readonly Gen<TraceStep[]> _programs = Gen.Select(
        Gen.Enum<TraceOperation>(), Gen.Int[0, 1], Gen.Int[0, Trace.AreaPages - 1], Gen.Int[1, TraceReplay.MostPages], Gen.Int[0, 999],
        (operation, device, page, pages, value) => new TraceStep(
            operation, device, page, operation == TraceOperation.Unmap ? 1 : Math.Min(pages, Trace.AreaPages - page),
            operation == TraceOperation.Protect ? value % 4 : value, new TraceAnswer(0))).Array[1, 80];

    [Fact]
    public void EveryByteReadIsThatOfAPlainModel() => _programs.Sample(Run, iter: 300);

    /// <summary>Runs one program beside the model.</summary>
    private static void Run(TraceStep[] program)
    {
        using var machine = new TraceMachine();
        var model = new ReferenceMemory();
        model.Map(TraceMachine.Pages(0, Trace.AreaPages));
        foreach (TraceStep step in program)
        {
            Do(machine, model, step);
            foreach (MirrorDevice device in machine.Devices)
                Assert.Empty(device.Check());
        }

        Compare(machine, model, TraceMachine.Pages(0, Trace.AreaPages));
    }

    /// <summary>Does one step on both.</summary>
    private static void Do(TraceMachine machine, ReferenceMemory model, TraceStep step)
    {
        AddressRange pages = TraceMachine.Pages(step.Page, step.Pages);
        switch (step.Operation)
        {
            case TraceOperation.CpuRead:
                Compare(machine, model, pages);
                break;
            case TraceOperation.CpuWrite:
                for (VirtualAddress at = pages.Start; at < pages.End; at += PageSize.Bytes)
                {
                    byte[] bytes = BitConverter.GetBytes(step.Value);
                    if (machine.Memory.CpuWrite(at, bytes).IsDone())
                        model.Write(at, bytes);
                }

                break;
            case TraceOperation.DeviceRead:
                byte[] read = new byte[pages.Bytes];
                if (machine.Devices[step.Device].Read(pages, read, out _).IsDone())
                    Assert.Null(model.FirstDifference(pages.Start, read));
                break;
            case TraceOperation.DeviceWrite:
                byte[] written = new byte[pages.Bytes];
                Array.Fill(written, (byte)step.Value);
                machine.Devices[step.Device].Write(pages, written, out MirrorProgress progress);
                model.Write(pages.Start, written.AsSpan(0, progress.Pages << PageSize.Shift));
                break;
            default:
                DoWithMapping(machine, model, step, pages);
                break;
        }
    }

    /// <summary>Does a step that changes mappings or places, and what it means for contents.</summary>
    private static void DoWithMapping(TraceMachine machine, ReferenceMemory model, TraceStep step, AddressRange pages)
    {
        bool[] wasHole = [.. Enumerable.Range(step.Page, step.Pages).Select(page => !IsMapped(machine, page))];
        TraceAnswer answer = machine.Do(step);
        if (step.Operation == TraceOperation.MapFresh || (step.Operation == TraceOperation.Remap && answer.Result != 0))
            model.Map(pages);
        if (step.Operation == TraceOperation.DontNeed)
            model.Zero(pages);
        if (step.Operation == TraceOperation.Unmap)
            model.Unmap(pages);
        for (int page = 0; page < step.Pages && step.Operation == TraceOperation.Remap; page++)
        {
            if (wasHole[page] && answer.Result == 0)
                model.Map(TraceMachine.Pages(step.Page + page, 1)); // The reserved page comes along.
        }

        for (int page = 0; page < step.Pages; page++)
            Assert.Equal(model.IsMapped(TraceMachine.Pages(step.Page + page, 1)), IsMapped(machine, step.Page + page));
    }

    /// <summary>Whether a page is mapped.</summary>
    private static bool IsMapped(TraceMachine machine, int page)
    {
        AddressRange interval = TraceMachine.Pages(page, 1);
        return machine.Host.TryFindMapping(interval.Start, out Core.Host.HostMapping mapping) && mapping.Interval.Contains(interval.Start);
    }

    /// <summary>Compares the pages that the CPU can read.</summary>
    private static void Compare(TraceMachine machine, ReferenceMemory model, AddressRange pages)
    {
        byte[] bytes = new byte[PageSize.Bytes];
        for (VirtualAddress at = pages.Start; at < pages.End; at += PageSize.Bytes)
        {
            if (machine.Memory.CpuRead(at, bytes).IsDone())
                Assert.Null(model.FirstDifference(at, bytes));
        }
    }
}
