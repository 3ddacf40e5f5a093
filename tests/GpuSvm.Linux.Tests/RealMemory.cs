// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;
using GpuSvm.Linux.Interop;

namespace GpuSvm.Linux.Tests;

/// <summary>How tests get real memory, and how their threads touch it: by ordinary P/Invoke only, since faults are served in this same
/// runtime.</summary>
internal static unsafe class RealMemory
{
    private static readonly Lazy<string?> _unavailable = new(() => UserfaultHostMemory.TryProbe(out string reason) ? null : $"needs userfaultfd: {reason}");

    /// <summary>Why this machine cannot run these tests; null if it can.</summary>
    public static string? Unavailable => _unavailable.Value;

    /// <summary>Opens a small heap, or skips the test by name.</summary>
    /// <param name="options">How; null for 256 MiB.</param>
    public static UserfaultHostMemory Open(UserfaultOptions? options = null)
    {
        SkipIfUnavailable();
        return new UserfaultHostMemory(options ?? new UserfaultOptions { CapacityBytes = 256 << 20 });
    }

    /// <summary>Skips the test where there is no userfaultfd.</summary>
    public static void SkipIfUnavailable() => Assert.SkipWhen(Unavailable is not null, Unavailable ?? "");

    /// <summary>Loads bytes as a program thread does.</summary>
    public static void CpuRead(VirtualAddress address, Span<byte> destination)
    {
        // SAFETY: the destination is pinned; the heap's side may fault, inside memcpy, in preemptive mode.
        fixed (byte* to = destination)
            Libc.memcpy(to, (void*)address.Value, (nuint)destination.Length);
    }

    /// <summary>Stores bytes as a program thread does.</summary>
    public static void CpuWrite(VirtualAddress address, ReadOnlySpan<byte> source)
    {
        // SAFETY: as in CpuRead.
        fixed (byte* from = source)
            Libc.memcpy((void*)address.Value, from, (nuint)source.Length);
    }

    /// <summary>Loads a 64-bit number as a program thread does.</summary>
    public static ulong CpuLoad(VirtualAddress address)
    {
        ulong value;
        Libc.memcpy(&value, (void*)address.Value, sizeof(ulong)); // SAFETY: as in CpuRead.
        return value;
    }

    /// <summary>Stores a 64-bit number as a program thread does.</summary>
    public static void CpuStore(VirtualAddress address, ulong value) =>
        Libc.memcpy((void*)address.Value, &value, sizeof(ulong)); // SAFETY: as in CpuRead.

    /// <summary>Fills an interval with a pattern of its addresses.</summary>
    public static void CpuFill(AddressRange interval, int seed) => CpuWrite(interval.Start, Pattern(interval, seed));

    /// <summary>Checks the pattern.</summary>
    public static void AssertPattern(AddressRange interval, int seed) => AssertBytes(interval, Pattern(interval, seed));

    /// <summary>Checks that an interval reads as zeroes.</summary>
    public static void AssertZero(AddressRange interval) => AssertBytes(interval, new byte[interval.Bytes]);

    /// <summary>What <see cref="CpuFill"/> writes.</summary>
    public static byte[] Pattern(AddressRange interval, int seed)
    {
        byte[] bytes = new byte[interval.Bytes];
        for (int i = 0; i < bytes.Length; i++)
            bytes[i] = (byte)((i >> 12) + (i * 31) + (seed * 131) + 1);
        return bytes;
    }

    /// <summary>The state of an interval's pages.</summary>
    public static HostPage[] Query(UserfaultHostMemory memory, AddressRange interval)
    {
        var pages = new HostPage[interval.Pages];
        Assert.Equal(Core.SvmStatus.Done, memory.Query(interval, pages));
        return pages;
    }

    /// <summary>Compares an interval with bytes.</summary>
    private static void AssertBytes(AddressRange interval, byte[] expected)
    {
        byte[] actual = new byte[expected.Length];
        CpuRead(interval.Start, actual);
        int equal = actual.AsSpan().CommonPrefixLength(expected);
        Assert.True(equal == expected.Length, equal == expected.Length ? "" : $"byte {equal} of {interval}: 0x{actual[equal]:x2}, expected 0x{expected[equal]:x2}");
    }
}
