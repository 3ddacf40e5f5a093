// SPDX-License-Identifier: MIT
using GpuSvm.Conformance.Races;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;
using GpuSvm.Simulation;

namespace GpuSvm.Conformance.Scenarios;

/// <summary>Plays a scenario on a machine, beside the reference model.</summary>
public sealed partial class ScenarioMachine
{
    private readonly RaceMachine _machine;
    private readonly RaceGpu[] _gpus;
    private readonly ReferenceMemory _reference = new(); // Guarded by _gate.
    private readonly Lock _gate = new();
    private readonly Dictionary<string, AddressRange> _memories = [];
    private readonly HashSet<string> _whole = []; // Memories that the library frees at the end; the program unmaps what is left of the others.
    private readonly Dictionary<Part, GpuUserptr> _userptrs = [];
    private readonly Dictionary<GpuVm, long> _faults = [];

    /// <summary>Puts a scenario's devices into a machine.</summary>
    /// <param name="machine">The machine, without devices.</param>
    /// <param name="scenario">The scenario.</param>
    private ScenarioMachine(RaceMachine machine, Scenario scenario)
    {
        _machine = machine;
        GpuVmOptions? options = scenario.InRam ? new GpuVmOptions { Placement = new SystemPlacement() } : null;
        _gpus = scenario.Apart
            ? [.. Enumerable.Range(0, scenario.Gpus).Select(_ => machine.Add(options, scenario.DevicePages))]
            : machine.AddShared(scenario.Gpus, options, scenario.DevicePages);
    }

    /// <summary>Plays a scenario.</summary>
    /// <param name="machine">The machine, without devices.</param>
    /// <param name="scenario">The scenario.</param>
    /// <exception cref="Xunit.Sdk.XunitException">Something was not as expected; the message names the scenario, the step, and where there is one the address.</exception>
    public static void Play(RaceMachine machine, Scenario scenario)
    {
        var player = new ScenarioMachine(machine, scenario);
        int number = 0;
        Step? step = null;
        try
        {
            for (; number < scenario.Steps.Length; number++)
            {
                step = scenario.Steps[number];
                player.Do(step);
                machine.WaitForFrames();
                machine.Check();
            }

            step = null;
            player.CompareAndFree();
        }
        catch (Exception failure)
        {
            throw new Xunit.Sdk.XunitException($"{scenario.Name}, {(step is null ? "at the end" : $"step {number + 1} ({Say(step)})")}: {failure.Message}", failure);
        }
    }

    /// <summary>A step in words.</summary>
    /// <param name="step">The step.</param>
    /// <returns>One line.</returns>
    private static string Say(Step step) => step is Step.Together together
        ? string.Join(" | ", together.Threads.Select(thread => string.Join(", ", thread.Select(Say))))
        : step.ToString();

    /// <summary>Takes one step.</summary>
    /// <param name="step">The step.</param>
    private void Do(Step step)
    {
        switch (step)
        {
            case Step.Together together:
                foreach (ProgramThread thread in together.Threads.Select(steps => new ProgramThread(() => Array.ForEach(steps, Do))).ToArray())
                    thread.Join();
                break;
            case Step.Map or Step.Free or Step.Unmap or Step.MapAnew or Step.Move or Step.Protect or Step.DontNeed or Step.ChildGetsNothing:
                Change(step);
                break;
            case Step.Bind or Step.Unbind or Step.Validate or Step.UserptrWrite or Step.UserptrRead:
                UseUserptr(step);
                break;
            case Step.Prefetch or Step.PrefetchHome or Step.PrefetchRefused or Step.Evict or Step.Advise:
                Steer(step);
                break;
            case Step.Advised or Step.Placed or Step.Faults or Step.Evicted:
                Expect(step);
                break;
            default:
                Touch(step);
                break;
        }
    }

    /// <summary>The program changes its mappings.</summary>
    /// <param name="step">The step.</param>
    private void Change(Step step)
    {
        switch (step)
        {
            case Step.Map map:
                _memories[map.Memory.Memory] = _machine.Allocate((long)map.Pages << PageSize.Shift);
                _whole.Add(map.Memory.Memory);
                _reference.Map(Of(map.Memory));
                break;
            case Step.Free free:
                _reference.Unmap(Of(free.Memory));
                Forget(free.Memory);
                Assert.Equal(SvmStatus.Done, _machine.Host.Free(Of(free.Memory)));
                _memories.Remove(free.Memory.Memory);
                break;
            case Step.Unmap unmap:
                Forget(unmap.Where);
                _machine.Unmap(Of(unmap.Where));
                _reference.Unmap(Of(unmap.Where));
                break;
            case Step.MapAnew anew:
                Forget(anew.Where);
                if (_reference.IsMapped(Of(anew.Where)))
                    Assert.True(_machine.MapAnew(Of(anew.Where)));
                else
                    Assert.True(_machine.Fixture.TryMapAnew(_machine.Memory, Of(anew.Where), out _)); // Into a hole: nobody hears of it.
                _reference.Map(Of(anew.Where));
                break;
            case Step.Move move:
                AddressRange from = Of(move.Memory);
                Forget(move.Memory);
                Assert.True(_machine.Move(from, out AddressRange to));
                byte[] bytes = new byte[from.Bytes];
                _reference.Read(from.Start, bytes);
                _reference.Unmap(from);
                _reference.Map(to);
                _reference.Write(to.Start, bytes);
                _memories[move.Memory.Memory] = to;
                break;
            case Step.Protect protect:
                _machine.Protect(Of(protect.Where), protect.Writable);
                break;
            case Step.DontNeed dontNeed:
                _machine.DontNeed(Of(dontNeed.Where));
                _reference.Zero(Of(dontNeed.Where));
                break;
            case Step.ChildGetsNothing child:
                Assert.NotEqual(0, _machine.Fixture.SignalOfChild(_machine.Memory, Of(child.Where).Start) ?? 0);
                break;
        }
    }

    /// <summary>What is not the library's to free any more.</summary>
    /// <param name="part">A part that goes, or the whole.</param>
    private void Forget(Part part)
    {
        if (_whole.Remove(part.Memory))
            _machine.Forget(_memories[part.Memory]);
    }

    /// <summary>The addresses of a part.</summary>
    /// <param name="part">The part.</param>
    /// <returns>The interval.</returns>
    private AddressRange Of(Part part)
    {
        AddressRange memory = _memories[part.Memory];
        (int first, int pages) = part.Pages.GetOffsetAndLength((int)memory.Pages);
        return AddressRange.OfPages(RaceMachine.PageOf(memory, first), pages);
    }

    /// <summary>The device of a step.</summary>
    /// <param name="gpu">Its number in the scenario.</param>
    /// <returns>The device.</returns>
    private RaceGpu Gpu(int gpu) => _gpus[gpu];

    /// <summary>Compares every byte that is mapped, and gives up what the library does not free.</summary>
    private void CompareAndFree()
    {
        foreach (GpuUserptr userptr in _userptrs.Values)
            Assert.Equal(SvmStatus.Done, Gpu(0).Vm.UnbindUserptr(userptr));
        foreach ((string name, AddressRange memory) in _memories)
        {
            foreach (AddressRange run in MappedRuns(memory))
            {
                byte[] bytes = new byte[run.Bytes];
                Assert.Equal(SvmStatus.Done, _machine.Fixture.CpuRead(_machine.Memory, run.Start, bytes));
                if (_reference.FirstDifference(run.Start, bytes) is { } wrong)
                    Assert.Fail($"{name} has a wrong byte at {wrong}, in page {memory.PageIndexOf(wrong.AlignDown(PageOrder.Small))} of {memory}.");
                if (!_whole.Contains(name))
                    _machine.Unmap(run);
            }
        }
    }

    /// <summary>The mapped pieces of a memory.</summary>
    /// <param name="memory">The memory.</param>
    /// <returns>The pieces, in order.</returns>
    private List<AddressRange> MappedRuns(AddressRange memory)
    {
        var runs = new List<AddressRange>();
        for (VirtualAddress at = memory.Start; at < memory.End; at += PageSize.Bytes)
        {
            if (!_reference.IsMapped(AddressRange.OfPages(at, 1)))
                continue;
            if (runs.Count > 0 && runs[^1].End == at)
                runs[^1] = new AddressRange(runs[^1].Start, at + PageSize.Bytes);
            else
                runs.Add(AddressRange.OfPages(at, 1));
        }

        return runs;
    }
}
