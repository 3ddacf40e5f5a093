// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Importing;

/// <summary>
/// Reads addresses, one a line: hexadecimal, then, if they are there, r, w or a for read, write and atomic, and a decimal size in bytes, with blanks or commas between. A letter may
/// also stand first, as valgrind's lackey has it (L load, S store, M both, I instruction, which is passed over). What begins with # is a remark.
/// </summary>
internal sealed class AddressListImporter : ILineImporter
{
    private const int DefaultBytes = 4;

    /// <inheritdoc/>
    public bool Read(ReadOnlySpan<byte> line, ImportOutput output)
    {
        LineScanner scanner = new(line);
        SkipSeparators(ref scanner);
        if (scanner.IsAtEnd || scanner.Rest[0] == (byte)'#' || scanner.Rest.StartsWith("=="u8))
            return false; // Valgrind's own words stand behind ==.
        MemoryAccess kind = MemoryAccess.Read;
        bool isBoth = false;
        if (scanner.Rest.Length > 1 && scanner.Rest[1] is (byte)' ' or (byte)',' or (byte)'\t' && !char.IsAsciiHexDigit((char)scanner.Rest[0]))
        {
            if (scanner.TryTake("I"u8))
                return false;
            isBoth = scanner.TryTake("M"u8);
            kind = isBoth ? MemoryAccess.Read : Kind(ref scanner);
            SkipSeparators(ref scanner);
        }

        ulong address = scanner.Hex("an address");
        SkipSeparators(ref scanner);
        if (!scanner.IsAtEnd && !char.IsAsciiDigit((char)scanner.Rest[0]))
            kind = Kind(ref scanner);
        SkipSeparators(ref scanner);
        long bytes = scanner.IsAtEnd ? DefaultBytes : scanner.Number("a size in bytes");
        SkipSeparators(ref scanner);
        if (!scanner.IsAtEnd)
            throw scanner.Unexpected("the end of the line");
        if (bytes is 0 or > int.MaxValue)
            throw new ImportLineException("a size from 1 to 2147483647", $"{bytes}");
        VirtualAddress start = ImportOutput.Interval(address, (ulong)bytes).Start;
        output.Access(new TraceAccess(start, (int)bytes, kind, TraceAgent.Device()));
        if (isBoth)
            output.Access(new TraceAccess(start, (int)bytes, MemoryAccess.Write, TraceAgent.Device()));
        return true;
    }

    /// <summary>Takes what an access is.</summary>
    /// <param name="scanner">Stands at a word.</param>
    /// <returns>The kind.</returns>
    private static MemoryAccess Kind(ref LineScanner scanner)
    {
        ReadOnlySpan<byte> rest = scanner.Rest;
        int length = rest.IndexOfAny(" \t,"u8);
        ReadOnlySpan<byte> word = length < 0 ? rest : rest[..length];
        MemoryAccess? kind =
            word.SequenceEqual("r"u8) || word.SequenceEqual("R"u8) || word.SequenceEqual("L"u8) || word.SequenceEqual("read"u8) || word.SequenceEqual("load"u8) ? MemoryAccess.Read
            : word.SequenceEqual("w"u8) || word.SequenceEqual("W"u8) || word.SequenceEqual("S"u8) || word.SequenceEqual("write"u8) || word.SequenceEqual("store"u8) ? MemoryAccess.Write
            : word.SequenceEqual("a"u8) || word.SequenceEqual("A"u8) || word.SequenceEqual("atomic"u8) ? MemoryAccess.Atomic : null;
        if (kind is null)
            throw scanner.Unexpected("r, w or a for read, write or atomic");
        scanner.Take(word);
        return kind.Value;
    }

    /// <summary>Passes over what stands between fields.</summary>
    /// <param name="scanner">The line.</param>
    private static void SkipSeparators(ref LineScanner scanner)
    {
        scanner.SkipBlanks();
        if (scanner.TryTake(","u8))
            scanner.SkipBlanks();
    }
}
