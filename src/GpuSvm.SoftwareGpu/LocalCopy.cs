// SPDX-License-Identifier: MIT
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace GpuSvm.SoftwareGpu;

/// <summary>
/// Copies between device memory and a kernel's private buffers, both of which never fault. Tiles of a few KiB are what kernels copy most; the C library
/// takes a string instruction for them, which on some processors reaches a third of what plain vector moves do from the first-level cache.
/// </summary>
internal static unsafe class LocalCopy
{
    /// <summary>Above this the C library's copy is as good, and knows better how to spare the caches.</summary>
    private const ulong MostBytes = 256 << 10;

    /// <summary>Copies bytes between places that do not overlap.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="source">Where from.</param>
    /// <param name="bytes">How many.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Copy(byte* destination, byte* source, ulong bytes)
    {
        if (bytes is < 64 or > MostBytes)
            Buffer.MemoryCopy(source, destination, bytes, bytes);
        else if (Avx.IsSupported)
            CopyAvx(destination, source, bytes);
        else
            CopyVectors(destination, source, bytes);
    }

    /// <summary>Copies in vectors of 32 bytes, four at a time; the last ones overlap what went before.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="source">Where from.</param>
    /// <param name="bytes">At least 64.</param>
    private static void CopyAvx(byte* destination, byte* source, ulong bytes)
    {
        // SAFETY: every access lies inside the two intervals, which the caller vouches for.
        ulong at = 0;
        for (; at + 128 <= bytes; at += 128)
        {
            Vector256<byte> a = Avx.LoadVector256(source + at);
            Vector256<byte> b = Avx.LoadVector256(source + at + 32);
            Vector256<byte> c = Avx.LoadVector256(source + at + 64);
            Vector256<byte> d = Avx.LoadVector256(source + at + 96);
            Avx.Store(destination + at, a);
            Avx.Store(destination + at + 32, b);
            Avx.Store(destination + at + 64, c);
            Avx.Store(destination + at + 96, d);
        }

        for (; at + 32 <= bytes; at += 32)
            Avx.Store(destination + at, Avx.LoadVector256(source + at));
        if (at < bytes)
            Avx.Store(destination + bytes - 32, Avx.LoadVector256(source + bytes - 32));
    }

    /// <summary>Copies in vectors of 16 bytes, four at a time; the last ones overlap what went before.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="source">Where from.</param>
    /// <param name="bytes">At least 64.</param>
    private static void CopyVectors(byte* destination, byte* source, ulong bytes)
    {
        // SAFETY: as for CopyAvx.
        ulong at = 0;
        for (; at + 64 <= bytes; at += 64)
        {
            Vector128<byte> a = Vector128.Load(source + at);
            Vector128<byte> b = Vector128.Load(source + at + 16);
            Vector128<byte> c = Vector128.Load(source + at + 32);
            Vector128<byte> d = Vector128.Load(source + at + 48);
            a.Store(destination + at);
            b.Store(destination + at + 16);
            c.Store(destination + at + 32);
            d.Store(destination + at + 48);
        }

        for (; at + 16 <= bytes; at += 16)
            Vector128.Load(source + at).Store(destination + at);
        if (at < bytes)
            Vector128.Load(source + bytes - 16).Store(destination + bytes - 16);
    }
}
