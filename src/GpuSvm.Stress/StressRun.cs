// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;
using GpuSvm.Core.Addressing;
using GpuSvm.Simulation.Exploring;
using GpuSvm.Simulation.Scenarios;

namespace GpuSvm.Stress;

/// <summary>One run of a scenario on real memory: its threads run as the machine likes, delayed where the director says so; then everything is looked at as after a schedule.</summary>
/// <remarks>A part that does not end is given up, with its threads: they sleep in the kernel or run for ever, and nobody can stop them. Then no further run can be trusted in this process (<see cref="IsStuck"/>).</remarks>
/// <param name="scenario">The scenario.</param>
/// <param name="threads">Its threads.</param>
/// <param name="director">Hears of their points.</param>
/// <param name="patience">How long a part may take.</param>
internal sealed class StressRun(Scenario scenario, StressThread[] threads, StressDirector director, TimeSpan patience) : IDisposable
{
    private RealProgramMemory? _memory;
    private ScenarioMachine? _machine;

    /// <summary>Whether a part was given up.</summary>
    public bool IsStuck { get; private set; }

    /// <summary>Runs it; the director has what went wrong.</summary>
    public void Execute()
    {
        long bytes = scenario.Memories.Sum(memory => (long)memory.Pages) << PageSize.Shift;
        _memory = new RealProgramMemory(bytes, director);
        Action<SchedulePointKind, object?>? before = SchedulePoint.Install(director.Come);
        try
        {
            Watch("what comes before the threads", [() => _machine = new ScenarioMachine(scenario, _memory, director.Begin)]);
            if (director.Failure is null)
                Watch("the threads", [.. threads.Select((thread, number) => (Action)(() => Play(thread, _machine!.Threads[number])))]);
            if (director.Failure is null)
                Watch("what is looked at afterwards", [CheckEnd]);
        }
        finally
        {
            SchedulePoint.Install(before);
        }
    }

    /// <summary>Gives the memory back, unless threads are left that use it.</summary>
    public void Dispose()
    {
        if (!IsStuck)
            Watch("giving the memory back", [LetGo]);
    }

    /// <summary>Runs a thread of the scenario.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="explored">What it does.</param>
    private void Play(StressThread thread, ExploredThread explored)
    {
        StressThread.Current = thread;
        try
        {
            explored.Body();
        }
        finally
        {
            StressThread.Current = null;
            director.End(thread);
        }
    }

    /// <summary>Looks at everything.</summary>
    private void CheckEnd()
    {
        if (_machine!.Check() is { } failure)
            director.Fail(failure);
    }

    /// <summary>Ends the machine. After a failure what is broken may break this, too: then that is not what went wrong first.</summary>
    private void LetGo()
    {
        _machine?.Dispose();
        _memory!.Dispose();
        ScenarioMachine.ForgetViolations();
    }

    /// <summary>Does things at the same time and waits for all, for so long.</summary>
    /// <param name="part">What they are, for messages.</param>
    /// <param name="bodies">The things.</param>
    private void Watch(string part, Action[] bodies)
    {
        using var start = new Barrier(bodies.Length);
        using var ended = new CountdownEvent(bodies.Length);
        for (int i = 0; i < bodies.Length; i++)
        {
            Action body = bodies[i];
            string name = i < threads.Length && bodies.Length == threads.Length ? scenario.Threads[i].Name : part;
            new Thread(() => Do(name, body, start, ended)) { IsBackground = true, Name = RealProgramMemory.ThreadPrefix + name }.Start();
        }

        if (ended.Wait(patience))
            return;
        IsStuck = true;
        director.Fail(new ScheduleFailure(ScheduleFailureKind.Deadlock, $"{part} did not end within {patience.TotalSeconds:f0} s: {director.Stand}"));
    }

    /// <summary>Does one thing on its thread.</summary>
    /// <param name="name">Who does it, for messages.</param>
    /// <param name="body">The thing.</param>
    /// <param name="start">Where all wait for each other first.</param>
    /// <param name="ended">Counts down.</param>
    private void Do(string name, Action body, Barrier start, CountdownEvent ended)
    {
        try
        {
            start.SignalAndWait();
            body();
        }
        catch (Exception thrown)
        {
            director.Fail(ScheduleFailure.Of(name, thrown));
        }

        try
        {
            ended.Signal();
        }
        catch (ObjectDisposedException)
        {
            // It was given up, and has ended after all.
        }
    }
}
