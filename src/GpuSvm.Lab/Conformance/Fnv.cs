// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Conformance;

/// <summary>The hash of traces: FNV-1a with 32 bits.</summary>
public static class Fnv
{
    private const uint OffsetBasis = 2166136261;
    private const uint Prime = 16777619;

    /// <summary>Hashes bytes.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <returns>The hash.</returns>
    public static uint Hash(ReadOnlySpan<byte> bytes)
    {
        uint hash = OffsetBasis;
        foreach (byte value in bytes)
            hash = (hash ^ value) * Prime;
        return hash;
    }
}
