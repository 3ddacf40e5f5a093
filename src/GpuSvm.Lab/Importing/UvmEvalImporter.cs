// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Importing;

/// <summary>
/// Reads the fault log that uvm-eval's driver writes to the kernel log: f for a fault, which becomes an event and an access; s, b and p, for the begin and end of a batch and for
/// prefetched pages, d for faults that were thrown away, and ranges are passed over. What dmesg writes before a line is left out.
/// </summary>
internal sealed class UvmEvalImporter : ILineImporter
{
    /// <inheritdoc/>
    public bool Read(ReadOnlySpan<byte> line, ImportOutput output)
    {
        LineScanner scanner = new(Fields(line));
        if (!scanner.TryTake("f,"u8))
            return scanner.Rest.Length > 1 && scanner.Rest[1] == (byte)',' && scanner.Rest[0] is (byte)'s' or (byte)'b' or (byte)'p' or (byte)'d';
        ulong address = scanner.Hex("a fault's address");
        scanner.Take(","u8);
        long time = output.TimeOf(scanner.Number("a time in nanoseconds"));
        scanner.Take(","u8);
        _ = scanner.Number("the number of a kind of fault");
        scanner.Take(","u8);
        MemoryAccess access = scanner.Number("the number of a kind of access, 0 to 4") switch
        {
            0 or 1 => MemoryAccess.Read, // 0 is a prefetch by the program.
            2 => MemoryAccess.Write,
            3 or 4 => MemoryAccess.Atomic,
            long other => throw new ImportLineException("a kind of access from 0 to 4", $"{other}"),
        };
        AddressRange page = ImportOutput.Interval(address, PageSize.Bytes);
        output.Access(new TraceAccess(page.Start, 1, access, TraceAgent.Device()) { Time = time });
        output.Event(new SvmEvent(SvmEventKind.GpuFault, page.Start.AlignDown(PageOrder.Small), PageSize.Bytes) { Timestamp = time, To = 0, Access = access, Status = SvmStatus.Done });
        return true;
    }

    /// <summary>A line without what dmesg writes before it.</summary>
    /// <param name="line">The line.</param>
    /// <returns>The driver's own words.</returns>
    private static ReadOnlySpan<byte> Fields(ReadOnlySpan<byte> line)
    {
        int bracket = line.StartsWith("["u8) ? line.IndexOf("] "u8) : -1;
        return bracket < 0 ? line.Trim(" \t"u8) : line[(bracket + 2)..].Trim(" \t"u8);
    }
}
