// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Conformance;

/// <summary>
/// Which answers of real memory will do although the kernel's own driver gave others: where Linux tells a process less than a driver inside it, or lets it do less. docs/conformance.md lists the kinds. Bytes are
/// never among them: a hash that differs is a difference, and so is any answer to the program itself.
/// </summary>
public sealed class RealMemoryRules
{
    private const byte NoAccess = 0xFF; // In a snapshot: no mapping, or one that may not be read.

    private bool _hasChangedMappings; // In this trace: unmapped, protected or moved something.

    /// <summary>Lines on which only the number of faults is another: a store to the page of zeroes and a change of protection are not announced, so a table's entry may live longer.</summary>
    public int FaultCounts { get; private set; }

    /// <summary>Lines on which pages are elsewhere: those of a read-only mapping stay in RAM, a right that mprotect gives back is seen at the next store, and mappings that are registered join their neighbours later.</summary>
    public int Placements { get; private set; }

    /// <summary>Begins another trace.</summary>
    public void Begin() => _hasChangedMappings = false;

    /// <summary>Notes a step that has been done.</summary>
    /// <param name="step">The step.</param>
    public void Passed(TraceStep step) => _hasChangedMappings |= step.Operation is TraceOperation.Protect or TraceOperation.MapFresh or TraceOperation.Unmap or TraceOperation.Remap;

    /// <summary>Whether an answer that is not the recorded one will do; counts it if so.</summary>
    /// <param name="step">The step, with the kernel's answer.</param>
    /// <param name="answer">The answer here.</param>
    /// <returns>True if it will do.</returns>
    public bool Allows(TraceStep step, TraceAnswer answer)
    {
        if (IsFaultCount(step.Answer, answer))
        {
            FaultCounts++;
            return true;
        }

        if (!_hasChangedMappings || !IsPlacement(step, answer))
            return false;
        Placements++;
        return true;
    }

    /// <summary>Whether nothing but the number of faults differs.</summary>
    /// <param name="kernel">The kernel's answer.</param>
    /// <param name="answer">The answer here.</param>
    /// <returns>True if so.</returns>
    private static bool IsFaultCount(TraceAnswer kernel, TraceAnswer answer) =>
        kernel.Progress is { } expected && answer.Progress is { } found && expected.Pages == found.Pages
        && answer with { Progress = expected } == kernel;

    /// <summary>Whether the difference is where pages are, and no byte.</summary>
    /// <param name="step">The step, with the kernel's answer.</param>
    /// <param name="answer">The answer here.</param>
    /// <returns>True if so.</returns>
    private static bool IsPlacement(TraceStep step, TraceAnswer answer) => step.Operation switch
    {
        TraceOperation.ToDevice => (step.Answer.Result, answer.Result) is (0, -Errno.NoEntry) or (-Errno.NoEntry, 0), // Some page is not on the device; which bytes there are is told elsewhere.
        TraceOperation.ToSystem => step.Answer.Result == answer.Result,
        TraceOperation.Snapshot => step.Answer.Snapshot is { } expected && answer.Snapshot is { } found && expected.Length == found.Length
            && expected.Zip(found).All(static pair => (pair.First == NoAccess) == (pair.Second == NoAccess)),
        TraceOperation.DeviceWrite => (step.Answer.Result, answer.Result) is (-Errno.BadAddress, -Errno.NotPermitted) or (-Errno.NotPermitted, -Errno.BadAddress), // Refused in the device's memory, or in RAM.
        _ => false,
    };
}
