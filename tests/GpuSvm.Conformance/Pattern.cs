// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Conformance;

/// <summary>Bytes that are different for each address and seed and seldom zero, so that a page in the wrong place is noticed.</summary>
public static class Pattern
{
    /// <summary>The bytes of an interval.</summary>
    /// <param name="address">The first address.</param>
    /// <param name="bytes">How many.</param>
    /// <param name="seed">Which pattern.</param>
    /// <returns>A new array.</returns>
    public static byte[] Of(VirtualAddress address, long bytes, int seed = 1)
    {
        byte[] result = new byte[bytes];
        for (int i = 0; i < result.Length; i++)
        {
            ulong at = address.Value + (ulong)i;
            result[i] = (byte)((at ^ (at >> 12) * 0x9E3779B1 ^ (ulong)seed * 0x85EBCA77) * 0xC2B2AE3D >> 13);
        }

        return result;
    }
}
