// SPDX-License-Identifier: MIT
using CsCheck;

namespace GpuSvm.SoftwareGpu.Tests;

/// <summary>The tile copy at every size and alignment: all bytes arrive, none beside them changes.</summary>
public sealed unsafe class LocalCopyTests
{
    [Fact]
    public void EveryByteArrivesAndNoOtherChanges() =>
        Gen.Select(Gen.Int[0, 1500], Gen.Int[0, 70], Gen.Int[0, 70]).Sample((bytes, from, to) =>
        {
            byte[] source = new byte[1600];
            byte[] target = new byte[1600];
            for (int i = 0; i < source.Length; i++)
                (source[i], target[i]) = ((byte)((i * 7) + 1), 0xEE);
            fixed (byte* s = source, t = target)
                LocalCopy.Copy(t + to, s + from, (ulong)bytes);
            for (int i = 0; i < target.Length; i++)
            {
                byte expected = i >= to && i < to + bytes ? source[from + i - to] : (byte)0xEE;
                if (target[i] != expected)
                    return false;
            }

            return true;
        });
}
