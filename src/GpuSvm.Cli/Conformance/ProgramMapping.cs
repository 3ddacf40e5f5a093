// SPDX-License-Identifier: MIT
using System.Globalization;
using System.Runtime.InteropServices;
using GpuSvm.Cli.Interop;

namespace GpuSvm.Cli.Conformance;

/// <summary>What the program of a trace does to its own mappings, by system calls that answer with an errno.</summary>
internal static unsafe class ProgramMapping
{
    private const int ReadProtection = 1;      // PROT_READ.
    private const int WriteProtection = 2;     // PROT_WRITE.
    private const int PrivateAnonymous = 0x22; // MAP_PRIVATE | MAP_ANONYMOUS.
    private const int Fixed = 0x10;            // MAP_FIXED.
    private const int NoReserve = 0x4000;      // MAP_NORESERVE.
    private const int DontNeedAdvice = 4;      // MADV_DONTNEED.
    private const int NoHugePageAdvice = 15;   // MADV_NOHUGEPAGE.
    private const int MoveTo = 3;              // MREMAP_MAYMOVE | MREMAP_FIXED.

    /// <summary>Reserves addresses, without access.</summary>
    /// <param name="bytes">How many; whole pages.</param>
    /// <returns>The first.</returns>
    public static nint Reserve(nint bytes) => Must(Libc.mmap(0, (nuint)bytes, 0, PrivateAnonymous | NoReserve, -1, 0));

    /// <summary>Reserves addresses in the place of whatever is there.</summary>
    /// <param name="address">The first.</param>
    /// <param name="bytes">How many.</param>
    public static void ReserveAt(nint address, nint bytes) => Must(Libc.mmap(address, (nuint)bytes, 0, PrivateAnonymous | NoReserve | Fixed, -1, 0));

    /// <summary>Maps fresh pages for reading and writing, small ones, in the place of whatever is there.</summary>
    /// <param name="address">The first page.</param>
    /// <param name="bytes">Their length.</param>
    public static void MapAt(nint address, nint bytes)
    {
        Must(Libc.mmap(address, (nuint)bytes, ReadProtection | WriteProtection, PrivateAnonymous | Fixed, -1, 0));
        Must(Libc.madvise(address, (nuint)bytes, NoHugePageAdvice));
    }

    /// <summary>munmap.</summary>
    /// <param name="address">The first page.</param>
    /// <param name="bytes">Their length.</param>
    /// <returns>0, or the errno.</returns>
    public static int Unmap(nint address, nint bytes) => ErrorOf(Libc.munmap(address, (nuint)bytes));

    /// <summary>madvise with MADV_DONTNEED.</summary>
    /// <param name="address">The first page.</param>
    /// <param name="bytes">Their length.</param>
    /// <returns>0, or the errno.</returns>
    public static int DontNeed(nint address, nint bytes) => ErrorOf(Libc.madvise(address, (nuint)bytes, DontNeedAdvice));

    /// <summary>mprotect.</summary>
    /// <param name="address">The first page.</param>
    /// <param name="bytes">Their length.</param>
    /// <param name="value">0 nothing, 1 read, 2 and 3 read and write.</param>
    /// <returns>0, or the errno.</returns>
    public static int Protect(nint address, nint bytes, int value) =>
        ErrorOf(Libc.mprotect(address, (nuint)bytes, value switch { 0 => 0, 1 => ReadProtection, _ => ReadProtection | WriteProtection }));

    /// <summary>Moves pages by mremap, mapping by mapping: Linux moves several in one call only where no userfaultfd hears of it. Holes stay holes.</summary>
    /// <param name="address">The first page.</param>
    /// <param name="bytes">Their length.</param>
    /// <param name="to">Where to.</param>
    /// <returns>0, or the errno: EFAULT where the first page is a hole.</returns>
    public static int Move(nint address, nint bytes, nint to)
    {
        const int BadAddress = 14;
        List<(nint Start, nint End)> mappings = MappingsIn(address, address + bytes);
        if (mappings.Count == 0 || mappings[0].Start > address)
            return BadAddress;
        foreach ((nint start, nint end) in mappings)
        {
            nuint length = (nuint)(end - start);
            int error = ErrorOf(Libc.mremap(start, length, length, MoveTo, to + (start - address)));
            if (error != 0)
                return error;
        }

        return 0;
    }

    /// <summary>Reads bytes as the program.</summary>
    /// <param name="address">The first byte.</param>
    /// <param name="destination">Where to.</param>
    /// <returns>False where the program would get a signal.</returns>
    public static bool TryRead(nint address, Span<byte> destination)
    {
        // SAFETY: pinned during the call, which writes at most its length; the program's side is the kernel's to check.
        fixed (byte* buffer = destination)
            return Libc.process_vm_readv(Environment.ProcessId, new IoVec((nint)buffer, destination.Length), 1, new IoVec(address, destination.Length), 1, 0) == destination.Length;
    }

    /// <summary>Writes bytes as the program.</summary>
    /// <param name="address">The first byte.</param>
    /// <param name="source">From where.</param>
    /// <returns>False where the program would get a signal.</returns>
    public static bool TryWrite(nint address, ReadOnlySpan<byte> source)
    {
        // SAFETY: as in TryRead.
        fixed (byte* buffer = source)
            return Libc.process_vm_writev(Environment.ProcessId, new IoVec((nint)buffer, source.Length), 1, new IoVec(address, source.Length), 1, 0) == source.Length;
    }

    /// <summary>What no mapping of this process covers in an interval.</summary>
    /// <param name="start">The interval's first byte.</param>
    /// <param name="end">Its end.</param>
    /// <returns>In order of addresses.</returns>
    public static List<(nint Start, nint End)> HolesIn(nint start, nint end)
    {
        var holes = new List<(nint, nint)>();
        nint at = start;
        foreach ((nint first, nint last) in MappingsIn(start, end))
        {
            if (first > at)
                holes.Add((at, first));
            at = last;
        }

        if (at < end)
            holes.Add((at, end));
        return holes;
    }

    /// <summary>The mappings of this process in an interval, cut to it, as the kernel lists them.</summary>
    /// <param name="start">The interval's first byte.</param>
    /// <param name="end">Its end.</param>
    /// <returns>In order of addresses.</returns>
    private static List<(nint Start, nint End)> MappingsIn(nint start, nint end)
    {
        var mappings = new List<(nint, nint)>();
        foreach (string line in File.ReadLines("/proc/self/maps"))
        {
            string[] ends = line[..line.IndexOf(' ')].Split('-');
            nint first = nint.Parse(ends[0], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            nint last = nint.Parse(ends[1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            if (first < end && last > start)
                mappings.Add((Math.Max(first, start), Math.Min(last, end)));
        }

        return mappings;
    }

    /// <summary>The errno of a call.</summary>
    /// <param name="result">What it answered.</param>
    /// <returns>0 unless it failed.</returns>
    private static int ErrorOf(nint result) => result == -1 ? Marshal.GetLastPInvokeError() : 0;

    /// <summary>Makes sure of what cannot fail.</summary>
    /// <param name="result">What a call answered.</param>
    /// <returns>The same.</returns>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    private static nint Must(nint result) =>
        result != -1 ? result : throw new InvalidOperationException($"The mappings of a trace cannot be made: {Marshal.GetLastPInvokeErrorMessage()}.");
}
