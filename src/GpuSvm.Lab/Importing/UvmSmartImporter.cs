// SPDX-License-Identifier: MIT
using System.Text;
using GpuSvm.Core.Device;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Importing;

/// <summary>
/// Reads the files of UVM Smart, by the number of their columns: accesses (page, address, size, cycle, 1 for a read, multiprocessor, warp), allocations (name, start, size) and kernels
/// (iteration, name, first and last cycle). Times are cycles. A line that begins with a column's name is the head.
/// </summary>
internal sealed class UvmSmartImporter : ILineImporter
{
    private long _kernels;

    /// <inheritdoc/>
    public bool Read(ReadOnlySpan<byte> line, ImportOutput output)
    {
        LineScanner scanner = new(line);
        scanner.SkipBlanks();
        if (scanner.IsAtEnd || scanner.Rest.StartsWith("PageNum"u8) || scanner.Rest.StartsWith("DataStructure"u8) || scanner.Rest.StartsWith("Iteration"u8))
            return false;
        switch (Columns(scanner.Rest))
        {
            case 7:
                Access(ref scanner, output);
                break;
            case 3:
                string name = Encoding.UTF8.GetString(scanner.Word());
                ulong start = Next(ref scanner, "an allocation's address");
                output.Mapping(new TraceMapping(ImportOutput.Interval(start, Next(ref scanner, "a size in bytes")).AlignOutward(), IsUnmap: false, name));
                break;
            case 4:
                _ = Next(ref scanner, "an iteration");
                scanner.SkipBlanks();
                string kernel = Encoding.UTF8.GetString(scanner.Word());
                long begin = Cycles(ref scanner, "a kernel's first cycle");
                long end = Cycles(ref scanner, "a kernel's last cycle");
                output.Kernel(new TraceKernel(_kernels, 0, IsEnd: false, kernel) { Time = begin });
                output.Kernel(new TraceKernel(_kernels++, 0, IsEnd: true, kernel) { Time = end });
                break;
            default:
                throw scanner.Unexpected("7 columns of an access, 3 of an allocation or 4 of a kernel");
        }

        return true;
    }

    /// <summary>How many columns a line has.</summary>
    /// <param name="line">The line, from its first column on.</param>
    /// <returns>Their number.</returns>
    private static int Columns(ReadOnlySpan<byte> line)
    {
        LineScanner scanner = new(line);
        int columns = 0;
        for (scanner.SkipBlanks(); !scanner.Word().IsEmpty; scanner.SkipBlanks())
            columns++;
        return columns;
    }

    /// <summary>An access.</summary>
    /// <param name="scanner">The line.</param>
    /// <param name="output">Gets it.</param>
    private static void Access(ref LineScanner scanner, ImportOutput output)
    {
        _ = Next(ref scanner, "a page's number");
        ulong address = Next(ref scanner, "an address");
        ulong bytes = Next(ref scanner, "a size in bytes");
        long cycle = Cycles(ref scanner, "a cycle");
        bool isRead = Next(ref scanner, "1 for a read or 0 for a write") != 0;
        if (bytes is 0 or > int.MaxValue)
            throw new ImportLineException("a size from 1 to 2147483647", $"{bytes}");
        output.Access(new TraceAccess(ImportOutput.Interval(address, bytes).Start, (int)bytes, isRead ? MemoryAccess.Read : MemoryAccess.Write, TraceAgent.Device()) { Time = cycle });
    }

    /// <summary>Takes the next column, a number.</summary>
    /// <param name="scanner">The line.</param>
    /// <param name="what">What it is.</param>
    /// <returns>The number.</returns>
    private static ulong Next(ref LineScanner scanner, string what)
    {
        scanner.SkipBlanks();
        return scanner.NumberOrHex(what);
    }

    /// <summary>Takes the next column, a time.</summary>
    /// <param name="scanner">The line.</param>
    /// <param name="what">What it is.</param>
    /// <returns>Cycles.</returns>
    private static long Cycles(ref LineScanner scanner, string what)
    {
        scanner.SkipBlanks();
        return scanner.Number(what);
    }
}
