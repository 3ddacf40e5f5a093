// SPDX-License-Identifier: MIT
namespace GpuSvm.Traces;

/// <summary>Who accesses memory: a device, or a thread of the program. The default value is device 0.</summary>
public readonly record struct TraceAgent
{
    /// <summary>The largest number of a device or thread.</summary>
    public const int MaxNumber = int.MaxValue >> 1;

    /// <summary>Makes an agent from its code.</summary>
    /// <param name="code">As <see cref="Code"/>.</param>
    private TraceAgent(uint code) => Code = code;

    /// <summary>The agent as one number: twice its own, and one more for a thread.</summary>
    internal uint Code { get; }

    /// <summary>Whether it is a device.</summary>
    public bool IsDevice => (Code & 1) == 0;

    /// <summary>The device's number among the trace's, or the thread's; both from 0.</summary>
    public int Number => (int)(Code >> 1);

    /// <summary>A device.</summary>
    /// <param name="number">Its number, 0 to <see cref="MaxNumber"/>.</param>
    /// <returns>The agent.</returns>
    public static TraceAgent Device(int number = 0) => new(CodeOf(number));

    /// <summary>A thread of the program.</summary>
    /// <param name="number">Its number, 0 to <see cref="MaxNumber"/>: the trace's own count, not the system's identifier.</param>
    /// <returns>The agent.</returns>
    public static TraceAgent Cpu(int number = 0) => new(CodeOf(number) | 1);

    /// <summary>The agent of a code.</summary>
    /// <param name="code">As <see cref="Code"/>.</param>
    /// <returns>The agent.</returns>
    internal static TraceAgent OfCode(uint code) => new(code);

    /// <summary>The agent in words.</summary>
    /// <returns>"device 0" or "CPU thread 3".</returns>
    public override string ToString() => IsDevice ? $"device {Number}" : $"CPU thread {Number}";

    /// <summary>A number's place in the code.</summary>
    /// <param name="number">The number.</param>
    /// <returns>Twice the number.</returns>
    private static uint CodeOf(int number)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(number, MaxNumber);
        return (uint)number << 1;
    }
}
