// SPDX-License-Identifier: MIT
namespace GpuSvm.SoftwareGpu;

/// <summary>An atomic operation of a kernel.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Value">Its operand.</param>
/// <param name="Comparand">What a compare-exchange compares with; nothing for others.</param>
/// <param name="Bytes">The integer's size: 4 or 8. Of 4 bytes the operands' low halves count.</param>
internal readonly record struct SoftwareGpuAtomic(SoftwareGpuAtomicKind Kind, long Value, long Comparand, uint Bytes)
{
    /// <summary>Whether there is such an operation on such an integer.</summary>
    public bool IsPossible => Bytes is 4 or 8 && Kind is >= SoftwareGpuAtomicKind.Add and <= SoftwareGpuAtomicKind.MinUnsigned;

    /// <summary>What becomes of an integer.</summary>
    /// <param name="before">What it is; of 4 bytes sign-extended.</param>
    /// <returns>What it is to be; of 4 bytes the low half.</returns>
    public long Apply(long before) => Bytes == 8 ? Apply(before, Value, Comparand, (ulong)before, (ulong)Value) : Apply(before, (int)Value, (int)Comparand, (uint)before, (uint)Value);

    /// <summary>Does the operation on an integer that no page fault can take from us: a processor's instruction, or a loop around one.</summary>
    /// <param name="integer">The integer. SAFETY: the caller holds a translation to it, aligned to its size.</param>
    /// <returns>What it was before; of 4 bytes sign-extended.</returns>
    public unsafe long DoAt(byte* integer) => Bytes == 8 ? DoAt(ref *(long*)integer) : DoAt(ref *(int*)integer);

    /// <summary>As the other, on 8 bytes.</summary>
    private long DoAt(ref long integer)
    {
        if (Kind == SoftwareGpuAtomicKind.Add)
            return Interlocked.Add(ref integer, Value) - Value;
        long before = Volatile.Read(ref integer);
        while (true)
        {
            long found = Interlocked.CompareExchange(ref integer, Apply(before), before);
            if (found == before)
                return before;
            before = found;
        }
    }

    /// <summary>As the other, on 4 bytes.</summary>
    private long DoAt(ref int integer)
    {
        if (Kind == SoftwareGpuAtomicKind.Add)
            return Interlocked.Add(ref integer, (int)Value) - (int)Value;
        int before = Volatile.Read(ref integer);
        while (true)
        {
            int found = Interlocked.CompareExchange(ref integer, (int)Apply(before), before);
            if (found == before)
                return before;
            before = found;
        }
    }

    /// <summary>The formulas, on operands as wide as the integer.</summary>
    /// <param name="before">What it is.</param>
    /// <param name="value">The operand.</param>
    /// <param name="comparand">What to compare with.</param>
    /// <param name="unsignedBefore">What it is, without a sign.</param>
    /// <param name="unsignedValue">The operand, without a sign.</param>
    /// <returns>What it is to be.</returns>
    private long Apply(long before, long value, long comparand, ulong unsignedBefore, ulong unsignedValue) => Kind switch
    {
        SoftwareGpuAtomicKind.Add => unchecked(before + value),
        SoftwareGpuAtomicKind.Max => Math.Max(before, value),
        SoftwareGpuAtomicKind.Min => Math.Min(before, value),
        SoftwareGpuAtomicKind.Increment => unsignedBefore >= unsignedValue ? 0 : unchecked(before + 1),
        SoftwareGpuAtomicKind.Decrement => unsignedBefore == 0 || unsignedBefore > unsignedValue ? value : unchecked(before - 1),
        SoftwareGpuAtomicKind.And => before & value,
        SoftwareGpuAtomicKind.Or => before | value,
        SoftwareGpuAtomicKind.Xor => before ^ value,
        SoftwareGpuAtomicKind.Exchange => value,
        SoftwareGpuAtomicKind.CompareExchange => before == comparand ? value : before,
        SoftwareGpuAtomicKind.MaxUnsigned => unsignedBefore > unsignedValue ? before : value,
        _ => unsignedBefore < unsignedValue ? before : value,
    };
}
