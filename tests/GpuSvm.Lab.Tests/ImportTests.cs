// SPDX-License-Identifier: MIT
using System.Text;
using System.Text.Json;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Lab.Exporting;
using GpuSvm.Lab.Importing;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Tests;

/// <summary>Other tools' files become records, and what is wrong with them is told with its line.</summary>
public sealed class ImportTests : IDisposable
{
    private static readonly string[] _tables =
        ["CUPTI_ACTIVITY_KIND_MEMCPY", "CUDA_UM_GPU_PAGE_FAULT_EVENTS", "CUDA_UM_CPU_PAGE_FAULT_EVENTS", "CUPTI_ACTIVITY_KIND_KERNEL", "CUDA_GPU_MEMORY_USAGE_EVENTS"];

    private readonly string _folder = Directory.CreateTempSubdirectory("gpusvm-import-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void EverySampleIsToldByItsContentAndReadToItsEnd()
    {
        foreach ((ImportFormat format, string text) in ImportSamples.Texts)
        {
            Assert.Equal(format, ImportFormats.Guess(new MemoryStream(Encoding.UTF8.GetBytes(text))));
            ImportResult result = Import(format, text, out TraceRecorder records);
            Assert.Equal(("", records.Records.Count), (result.Problem, (int)result.Records));
            Assert.NotEmpty(records.Records);
        }
    }

    [Fact]
    public void WhatIsNoneOfThemIsNotTakenForOne()
    {
        Assert.Null(ImportFormats.Guess(new MemoryStream([])));
        Assert.Null(ImportFormats.Guess(new MemoryStream([0x7F, (byte)'E', (byte)'L', (byte)'F', 0, 0])));
        Assert.Null(ImportFormats.Guess(new MemoryStream("Dear reader,\nthis is a letter.\n"u8.ToArray())));
    }

    [Fact]
    public void KfdEventsAreJoinedFromBeginAndEnd()
    {
        List<object> records = Records(ImportFormat.KfdSmi, 0);
        SvmEvent moved = Assert.IsType<SvmEvent>(records[0]);
        Assert.Equal((SvmEventKind.Migration, 0x7f1234400000UL, 0x200000L, 500_000L, MigrationCause.GpuFault), (moved.Kind, moved.Address.Value, moved.Bytes, moved.Duration, moved.Cause));
        Assert.Equal((SvmPlace.Ram, (short)0), (moved.From, moved.To));
        SvmEvent fault = Assert.IsType<SvmEvent>(records[1]);
        Assert.Equal((SvmEventKind.GpuFault, 0x7f1234501000UL, 510_000L, MemoryAccess.Write, 510_000L), (fault.Kind, fault.Address.Value, fault.Duration, fault.Access, fault.Timestamp));
        Assert.Equal(
            [SvmEventKind.Migration, SvmEventKind.GpuFault, SvmEventKind.QueueStop, SvmEventKind.Invalidation, SvmEventKind.Migration, SvmEventKind.Eviction, SvmEventKind.QueueRestore],
            records.Cast<SvmEvent>().Select(one => one.Kind));
        Assert.Equal(350_000, ((SvmEvent)records[^1]).Duration);
    }

    [Fact]
    public void NvprofTextAndTableSayTheSame()
    {
        List<object> text = Records(ImportFormat.Nvprof, 1);
        SvmEvent moved = text.OfType<SvmEvent>().First(one => one.Kind == SvmEventKind.Migration);
        Assert.Equal((0x7b552e000000UL, 65536L, 10_048L, SvmPlace.Ram, (short)0), (moved.Address.Value, moved.Bytes, moved.Duration, moved.From, moved.To));
        Assert.Equal("vectorAdd(int const *, int const *, int*, int) [128]", text.OfType<TraceKernel>().First().Name);
        List<object> table = Records(ImportFormat.Nvprof, 2);
        SvmEvent same = Assert.Single(table.OfType<SvmEvent>());
        Assert.Equal((moved.Address, moved.Bytes, moved.Duration), (same.Address, same.Bytes, same.Duration));
        Assert.Equal((20_000L, 23_000L), (table.OfType<TraceKernel>().First().Time, table.OfType<TraceKernel>().Last().Time));
    }

    [Fact]
    public void XeCopiesFindTheirRange()
    {
        List<object> records = Records(ImportFormat.XeLog, 3);
        SvmEvent[] moves = [.. records.OfType<SvmEvent>().Where(one => one.Kind == SvmEventKind.Migration)];
        Assert.Equal(2, moves.Length);
        Assert.All(moves, move => Assert.Equal((0x7f1234560000UL, 65536L), (move.Address.Value, move.Bytes)));
        Assert.Equal([MigrationCause.GpuFault, MigrationCause.CpuFault], moves.Select(move => move.Cause));
        Assert.Equal(400_000, records.OfType<SvmEvent>().Single(one => one.Kind == SvmEventKind.GpuFault).Duration);
        Assert.Equal(0, Assert.Single(records.OfType<TraceBind>()).Place);
        Assert.True(Assert.Single(records.OfType<TraceMapping>()).IsUnmap);
    }

    [Fact]
    public void AccessesOfSimulatorsAndFaultsOfDriversAreAccesses()
    {
        Assert.Equal(
            [
                new TraceAccess(new VirtualAddress(3221225472), 128, MemoryAccess.Read, TraceAgent.Device()) { Time = 1000 },
                new TraceAccess(new VirtualAddress(3221229568), 128, MemoryAccess.Write, TraceAgent.Device()) { Time = 1010 },
            ],
            Records(ImportFormat.UvmSmart, 4).Cast<TraceAccess>());
        TraceAccess[] faults = [.. Records(ImportFormat.UvmEval, 5).OfType<TraceAccess>()];
        Assert.Equal([(0x7f0000001000UL, MemoryAccess.Write, 0L), (0x7f0000003000UL, MemoryAccess.Read, 100L)], faults.Select(fault => (fault.Address.Value, fault.Kind, fault.Time)));
        TraceAccess[] touches = [.. Records(ImportFormat.PageFaultLog, 6).OfType<TraceAccess>()];
        Assert.Equal(
            [
                (0x7f8f0f4e9010UL, MemoryAccess.Write, TraceAgent.Cpu(0), 0L), (0x7f8f0f4ea000UL, MemoryAccess.Read, TraceAgent.Cpu(1), 8000L),
                (0x7f8f0f4eb000UL, MemoryAccess.Read, TraceAgent.Cpu(2), 11_000L), (0x7f8f0f4ec000UL, MemoryAccess.Write, TraceAgent.Cpu(0), 12_000L),
            ],
            touches.Select(touch => (touch.Address.Value, touch.Kind, touch.Agent, touch.Time)));
        TraceAccess[] list = [.. Records(ImportFormat.AddressList, 7).Cast<TraceAccess>()];
        Assert.Equal(
            [(0x7f0000001000UL, 8, MemoryAccess.Write), (0x7f0000002000UL, 64, MemoryAccess.Read), (0x4222cacUL, 4, MemoryAccess.Read), (0x421d000UL, 4, MemoryAccess.Read), (0x421d000UL, 4, MemoryAccess.Write)],
            list.Select(access => (access.Address.Value, access.Bytes, access.Kind)));
    }

    [Fact]
    public void UvmSmartsOtherFilesAreAllocationsAndKernels()
    {
        Import(ImportFormat.UvmSmart, "DataStructure StartAddr Size\nA 0x100000000 8192\n", out TraceRecorder allocations);
        Assert.Equal("A", Assert.IsType<TraceMapping>(Assert.Single(allocations.Records)).Name);
        Import(ImportFormat.UvmSmart, "Iteration Kernel Start End\n0 k1 100 900\n", out TraceRecorder kernels);
        Assert.Equal([100L, 900L], kernels.Records.Cast<TraceKernel>().Select(kernel => kernel.Time));
    }

    [Fact]
    public void CuptiRecordsOfEverySampleAreReadByTheNamesOfTheirFields()
    {
        List<object> records = Records(ImportFormat.Cupti, 8);
        SvmEvent[] events = [.. records.OfType<SvmEvent>()];
        Assert.Equal([SvmEventKind.Migration, SvmEventKind.CpuFault, SvmEventKind.GpuFault, SvmEventKind.Migration, SvmEventKind.Eviction], events.Select(one => one.Kind));
        Assert.Equal((0UL, 65536L, 4576L, SvmPlace.Ram, (short)0), (events[0].Address.Value, events[0].Bytes, events[0].Duration, events[0].From, events[0].To));
        Assert.Equal((0x7f1cc01f9000UL, 4096L, MemoryAccess.Write, 0L), (events[1].Address.Value, events[1].Bytes, events[1].Access, events[1].Duration));
        Assert.Equal((0x7f1cc0200000UL, 4096L, MemoryAccess.Atomic, 1500L), (events[2].Address.Value, events[2].Bytes, events[2].Access, events[2].Duration));
        Assert.Equal((0x7f1cc01f9000UL, 24576L, MigrationCause.Eviction, (short)0, SvmPlace.Ram), (events[3].Address.Value, events[3].Bytes, events[3].Cause, events[3].From, events[3].To));
        Assert.Equal(
            [("scale(float*, int)", 1252L, false), ("scale(float*, int)", 11_252L, true), ("copy=all", 17_252L, false), ("copy=all", 20_252L, true)],
            records.OfType<TraceKernel>().Select(kernel => (kernel.Name, kernel.Time, kernel.IsEnd)));
    }

    [Fact]
    public void ASummaryBecomesAsManyMigrationsAsItCountsAndIsTheSameWhenWrittenAgain()
    {
        SvmEvent[] events = [.. Records(ImportFormat.RocmSummary, 9).Cast<SvmEvent>()];
        Assert.Equal([4096L, 131072L, 38912L, 38912L, 4096L], events.Select(one => one.Bytes));
        Assert.Equal((400_001L, 402_501L), (events[3].Timestamp, events[4].Timestamp));
        Assert.Equal(400_001, events[..4].Sum(one => one.Duration));
        using var written = new MemoryStream();
        using (IExporter exporter = new RocmExporter(written))
        {
            foreach (SvmEvent one in events)
                exporter.Sink.Event(one);
            exporter.End();
        }

        using JsonDocument again = JsonDocument.Parse(written.ToArray());
        using JsonDocument before = JsonDocument.Parse(ImportSamples.Texts[9].Text);
        foreach (string direction in (string[])["host_to_device", "device_to_host"])
        {
            JsonElement expected = before.RootElement.GetProperty("devices")[0].GetProperty("migrations").GetProperty(direction);
            JsonElement found = again.RootElement.GetProperty("devices")[0].GetProperty("migrations").GetProperty(direction);
            foreach (string number in (string[])["count", "avg_size_bytes", "min_size_bytes", "max_size_bytes", "total_size_bytes", "total_time_ns"])
                Assert.Equal(expected.GetProperty(number).GetInt64(), found.GetProperty(number).GetInt64());
        }
    }

    [Fact]
    public void CountersOfADriverAreTheRunBetweenTwoReadings()
    {
        SvmEvent[] events = [.. Records(ImportFormat.XeStats, 10).Cast<SvmEvent>()];
        SvmEvent[] faults = [.. events.Where(one => one.Kind == SvmEventKind.GpuFault)];
        Assert.Equal((3, 300_000L), (faults.Length, faults.Sum(one => one.Duration)));
        Assert.All(faults, fault => Assert.Equal(65536, fault.Bytes));
        SvmEvent[] moves = [.. events.Where(one => one.Kind == SvmEventKind.Migration)];
        Assert.Equal([(65536L, SvmPlace.Ram), (65536L, SvmPlace.Ram), (1572864L, (short)0), (1572864L, (short)0)], moves.Select(one => (one.Bytes, one.From)));
        Assert.Equal(800_000, moves[2].Duration + moves[3].Duration);
        ImportResult once = Import(ImportFormat.XeStats, "svm_4K_pagefault_count: 2\n", out _);
        Assert.Equal(("", 2L), (once.Problem, once.Records));
    }

    [Theory]
    [InlineData(ImportFormat.KfdSmi, "6 10 -1 @7f(1) 0->1 1\n6 10 -1 @zz(1) 0->1 1\n", "line 2: expected the first page in hexadecimal, found \"zz(1) 0->1 1\". The 1 records before it are good.")]
    [InlineData(ImportFormat.KfdSmi, "6 10 -1 @7f", "line 1: expected \"(\", found the end of the line")]
    [InlineData(ImportFormat.AddressList, "1000 r 4\n2000 q\n", "line 2: expected r, w or a for read, write or atomic")]
    [InlineData(ImportFormat.AddressList, "ffffffffffffffff r 4\n", "line 1: expected addresses below 2^57")]
    [InlineData(ImportFormat.AddressList, "1000 r 0\n", "line 1: expected a size from 1 to 2147483647, found 0")]
    [InlineData(ImportFormat.UvmSmart, "1 2 3 4 5\n", "line 1: expected 7 columns of an access")]
    [InlineData(ImportFormat.XeLog, "PAGE FAULT: asid=1, gpusvm=0, start=0x2000, end=0x1000, size=1\n", "line 1: expected an end behind 0x2000")]
    [InlineData(ImportFormat.PageFaultLog, "a-1 [0] 1.0: page_fault_user: address=0x1000 ip=0x1\n", "line 1: expected \"error_code=\"")]
    [InlineData(ImportFormat.Nvprof, "Start  Duration  Name\n1ms  2ms\n", "line 2: expected 3 columns as in the table's head, found 2")]
    [InlineData(ImportFormat.UvmEval, "f,1000,5,0,9,\n", "line 1: expected a kind of access from 0 to 4, found 9")]
    [InlineData(ImportFormat.Cupti, "UNIFIED_MEMORY_COUNTER [ 1 2 ] kind=BYTES_TRANSFER_HTOD value=5\nUNIFIED_MEMORY_COUNTER [ 3 x ]\n", "line 2: expected a time in nanoseconds, found \"x ]\". The 1 records before it are good.")]
    [InlineData(ImportFormat.Cupti, "UNIFIED_MEMORY_COUNTER [ 9 2 ] kind=THRASHING value=5\n", "line 1: expected an end behind 9, found 2")]
    [InlineData(ImportFormat.Cupti, "UNIFIED_MEMORY_COUNTER [ 1 2 ] kind=THRASHING\n", "line 1: expected a field value, found the end of the line")]
    [InlineData(ImportFormat.Cupti, "UNIFIED_MEMORY_COUNTER [ 1 2 ] kind=THRASHING value=1 address=0x12g\n", "line 1: expected an address in hexadecimal")]
    [InlineData(ImportFormat.RocmSummary, "{\n\"devices\": [{\"device_id\": 0, \"migrations\": {\n\"host_to_device\": {\"count\": 2, \"total_size_bytes\": 8192},\n\"device_to_host\": {\"count\": \"x\"", "line 4, devices.migrations.device_to_host: expected a number for count, found \"x\". The 2 records before it are good.")]
    [InlineData(ImportFormat.RocmSummary, "{\n\"devices\": [{\"device_id\": 0, \"migrations\": {\n\"host_to_device\": {\"count\": 2, \"total_size_bytes\": 8192},\n\"device_", "line 4, byte 9: it is not JSON there")]
    [InlineData(ImportFormat.RocmSummary, "{\"devices\": [{\"migrations\": {\"host_to_device\": {\"count\": 2}}}]}", "line 1, devices.migrations.host_to_device: expected a device_id before the device's migrations, found none")]
    [InlineData(ImportFormat.RocmSummary, "{\"devices\": [{\"device_id\": 1, \"migrations\": {\"device_to_host\": {\"count\": 2, \"total_size_bytes\": 100, \"min_size_bytes\": 60}}}]}", "expected 2 events with a least of 60 and a most of 50 bytes, found 100 bytes")]
    [InlineData(ImportFormat.RocmSummary, "[]", "nothing in its 1 lines is of the format rocm")]
    [InlineData(ImportFormat.XeStats, "svm_4K_pagefault_count: 2\nsvm_4K_pagefault_us: many\n", "line 2: expected a counter's number, found \"many\". The 2 records before it are good.")]
    [InlineData(ImportFormat.XeStats, "svm_4K_pagefault_count: 2\nsvm_4K_pagefault_count: 1\n", "line 2: expected a number from 2 up, which svm_4K_pagefault_count had before, found 1; the driver was loaded again")]
    [InlineData(ImportFormat.XeStats, "svm_4K_pagefault_count: 20000000\n", "all of its 1 lines: expected a number of events up to 10000000, found 20000000")]
    [InlineData(ImportFormat.XeLog, "some other log\n", "nothing in its 1 lines is of the format xe-log; name another with --from")]
    public void WhatIsWrongIsToldWithItsLine(ImportFormat format, string text, string problem) =>
        Assert.Contains(problem, Import(format, text, out _).Problem, StringComparison.Ordinal);

    [Fact]
    public void NsightTablesAreReadInTheOrderOfTime()
    {
        string path = Path.Combine(_folder, "report.sqlite");
        ImportSamples.WriteNsight(path);
        using (FileStream stream = File.OpenRead(path))
            Assert.Equal(ImportFormat.Nsight, ImportFormats.Guess(stream));
        var records = new TraceRecorder();
        ImportResult result = TraceImport.Read(path, ImportFormat.Nsight, records);
        Assert.Equal("", result.Problem);
        Assert.Equal(
            ["TraceMapping 0", "CpuFault 1000", "TraceKernel 2000", "GpuFault 4000", "Migration 5000", "TraceKernel 8000", "Migration 8900", "Eviction 8900"],
            records.Records.Select(record => record switch
            {
                SvmEvent one => $"{one.Kind} {one.Timestamp}",
                TraceKernel kernel => $"TraceKernel {kernel.Time}",
                TraceMapping mapping => $"TraceMapping {mapping.Time}",
                _ => record.GetType().Name,
            }));
        Assert.Equal("vectorAdd", records.Records.OfType<TraceKernel>().First().Name);
    }

    [Fact]
    public void NsightTablesMayBeMissing()
    {
        string path = Path.Combine(_folder, "report.sqlite");
        ImportSamples.WriteNsight(path, "DROP TABLE StringIds; DROP TABLE CUDA_UM_GPU_PAGE_FAULT_EVENTS; DROP TABLE CUDA_GPU_MEMORY_USAGE_EVENTS;");
        ImportResult result = TraceImport.Read(path, ImportFormat.Nsight, new TraceRecorder());
        Assert.Equal(("", 6L), (result.Problem, result.Records));
    }

    [Fact]
    public void AnotherDatabaseAndADamagedRowAreToldOf()
    {
        string path = Path.Combine(_folder, "report.sqlite");
        ImportSamples.WriteNsight(path, "INSERT INTO CUDA_UM_GPU_PAGE_FAULT_EVENTS VALUES (4500, 5500, 1, 0, 'nowhere', 1, 1);");
        ImportResult damaged = TraceImport.Read(path, ImportFormat.Nsight, new TraceRecorder());
        Assert.Equal(4, damaged.Records);
        Assert.Contains("row 5 of its tables in the order of time: expected a virtual address, found \"nowhere\". The 4 records before it are good.", damaged.Problem, StringComparison.Ordinal);
        string other = Path.Combine(_folder, "other.sqlite");
        ImportSamples.WriteNsight(other, string.Concat(_tables.Select(table => $"DROP TABLE {table};")));
        Assert.Contains("none of its tables", TraceImport.Read(other, ImportFormat.Nsight, new TraceRecorder()).Problem, StringComparison.Ordinal);
    }

    /// <summary>The records of one of the samples.</summary>
    private static List<object> Records(ImportFormat format, int sample)
    {
        Assert.Equal(format, ImportSamples.Texts[sample].Format);
        ImportResult result = Import(format, ImportSamples.Texts[sample].Text, out TraceRecorder records);
        Assert.Equal("", result.Problem);
        return records.Records;
    }

    /// <summary>Imports a text.</summary>
    private static ImportResult Import(ImportFormat format, string text, out TraceRecorder records)
    {
        records = new TraceRecorder();
        return TraceImport.Read(new MemoryStream(Encoding.UTF8.GetBytes(text)), "sample", format, records);
    }
}
