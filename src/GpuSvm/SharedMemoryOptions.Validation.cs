// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <content>What the values must be.</content>
public sealed partial record SharedMemoryOptions
{
    private const int PageBytes = 4096;

    /// <summary>Looks at every value. <see cref="SharedMemory.Create"/> does so itself; a program can do it earlier, where its configuration is read.</summary>
    /// <returns>One sentence for each value that is not possible: which it is, and what can be chosen instead. Empty if all are.</returns>
    public IReadOnlyList<string> Validate()
    {
        List<string> problems = [];
        void Require(bool possible, string problem)
        {
            if (!possible)
                problems.Add(problem);
        }

        Require(DeviceMemoryBytes >= PageBytes && DeviceMemoryBytes % PageBytes == 0, $"A device memory of {DeviceMemoryBytes} bytes is not possible: set {nameof(DeviceMemoryBytes)} to a multiple of the page size, 4096 bytes, and at least one page.");
        Require(DeviceCount is >= 1 and <= 8, $"{DeviceCount} devices are not possible: set {nameof(DeviceCount)} to 1 to 8.");
        Require(CapacityBytes >= PageBytes, $"A capacity of {CapacityBytes} bytes holds no page: set {nameof(CapacityBytes)} to at least 4096 bytes.");
        Require(ComputeUnits is >= 0 and <= 256, $"{ComputeUnits} compute units are not possible: set {nameof(ComputeUnits)} to 1 to 256, or to 0 for one a processor.");
        Require(LargestChunkBytes is 4096 or 65536 or 2097152, $"A largest chunk of {LargestChunkBytes} bytes is not possible: set {nameof(LargestChunkBytes)} to 4096, 65536 or 2097152.");
        Require(FirstTouchBytes is 4096 or 65536 or 2097152, $"A first touch of {FirstTouchBytes} bytes is not possible: set {nameof(FirstTouchBytes)} to 4096, 65536 or 2097152.");
        Require(KeepFreeBytes >= 0, $"{KeepFreeBytes} bytes cannot be kept free: set {nameof(KeepFreeBytes)} to 0 for none, or to up to half of {nameof(DeviceMemoryBytes)}.");
        Require(KeepFreeBytes <= Math.Max(0, DeviceMemoryBytes) / 2, $"{KeepFreeBytes} bytes cannot be kept free of a device memory of {DeviceMemoryBytes}: set {nameof(KeepFreeBytes)} to at most half of {nameof(DeviceMemoryBytes)}.");
        RequireDefined(problems, Memory, "Memory kind", nameof(Memory));
        RequireDefined(problems, Prefetch, "Prefetch policy", nameof(Prefetch));
        RequireDefined(problems, Eviction, "Eviction policy", nameof(Eviction));
        RequireDefined(problems, Thrash, "Thrash policy", nameof(Thrash));
        RequireDefined(problems, Forks, "way to treat forks", nameof(Forks));
        RequireDefined(problems, AccessCounters, "Access counter policy", nameof(AccessCounters));
        return problems;
    }

    /// <summary>Throws all that is not possible in one exception.</summary>
    /// <exception cref="ArgumentException">At least one value is not possible.</exception>
    internal void ThrowIfInvalid()
    {
        IReadOnlyList<string> problems = Validate();
        if (problems.Count > 0)
            throw new ArgumentException(string.Join(' ', problems));
    }

    /// <summary>Notes a value that its enumeration does not have.</summary>
    /// <typeparam name="T">The enumeration.</typeparam>
    /// <param name="problems">Where to.</param>
    /// <param name="value">The value.</param>
    /// <param name="what">What it is, at the beginning of a sentence.</param>
    /// <param name="option">The option's name.</param>
    private static void RequireDefined<T>(List<string> problems, T value, string what, string option)
        where T : struct, Enum
    {
        if (!Enum.IsDefined(value))
            problems.Add($"{what} {value} does not exist: set {option} to {string.Join(", ", Enum.GetNames<T>()[..^1])} or {Enum.GetNames<T>()[^1]}.");
    }
}
