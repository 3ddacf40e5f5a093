// SPDX-License-Identifier: MIT
namespace GpuSvm.Tests;

/// <summary>What atomic operations make of an integer, written again for tests.</summary>
internal static class Formulas
{
    /// <summary>One operation on operands as wide as the integer, with and without signs.</summary>
    public static long Apply(AtomicOperation operation, long x, long value, ulong unsignedX, ulong unsignedValue)
    {
        switch (operation)
        {
            case AtomicOperation.Add:
                return x + value;
            case AtomicOperation.Max:
                return x > value ? x : value;
            case AtomicOperation.Min:
                return x < value ? x : value;
            case AtomicOperation.Increment:
                return unsignedX >= unsignedValue ? 0 : x + 1;
            case AtomicOperation.Decrement:
                return unsignedX == 0 || unsignedX > unsignedValue ? value : x - 1;
            case AtomicOperation.And:
                return x & value;
            case AtomicOperation.Or:
                return x | value;
            case AtomicOperation.Xor:
                return x ^ value;
            default:
                return value;
        }
    }
}
