// SPDX-License-Identifier: MIT
using System.Text;
using System.Text.Json;
using GpuSvm.Lab.Exporting;
using GpuSvm.Lab.Importing;
using GpuSvm.Traces;
using Parquet;

namespace GpuSvm.Lab.Tests;

/// <summary>Traces are written as other tools read them.</summary>
public sealed class ExportTests
{
    [Fact]
    public void TableHasARowForEveryRecord()
    {
        string[] lines = Encoding.UTF8.GetString(Export(ImportFormat.Nvprof, 1, ExportFormat.Csv)).TrimEnd().Split("\r\n");
        Assert.Equal(7, lines.Length);
        Assert.Equal("record,time_ns,duration_ns,address,bytes,agent,from,to,detail,cause,status,culprit,name", lines[0]);
        Assert.Equal("Kernel,30980000,,,,device 0,,,Begin,,,,\"0 vectorAdd(int const *, int const *, int*, int) [128]\"", lines[2]);
        Assert.Equal("Migration,31350048,10048,0x7b552e000000,65536,,RAM,device 0,,,Done,,", lines[5]);
    }

    [Fact]
    public async Task ParquetHasTheSameRowsInColumns()
    {
        using var file = new MemoryStream(Export(ImportFormat.Nvprof, 1, ExportFormat.Parquet));
        await using ParquetReader reader = await ParquetReader.CreateAsync(file, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal("record,time_ns,duration_ns,address,bytes,agent,from,to,detail,cause,status,culprit,name", string.Join(',', reader.Schema.DataFields.Select(field => field.Name)));
        using ParquetRowGroupReader rows = reader.OpenRowGroupReader(0);
        var kinds = new string?[6];
        await rows.ReadAsync(reader.Schema.DataFields[0], kinds.AsMemory(), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal("CpuFault Kernel Kernel GpuFault Migration Migration", string.Join(' ', kinds));
        var addresses = new ulong?[6];
        await rows.ReadAsync<ulong>(reader.Schema.DataFields[3], addresses.AsMemory(), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal([0x7612d2020000, null, null, 0x7b552e000000, 0x7b552e000000, 0x7b552e010000], addresses);
    }

    [Fact]
    public void ChromeGetsSpansOnNamedTracks()
    {
        using var json = JsonDocument.Parse(Export(ImportFormat.KfdSmi, 0, ExportFormat.Chrome));
        JsonElement[] events = [.. json.RootElement.GetProperty("traceEvents").EnumerateArray()];
        JsonElement fault = events.Single(one => Text(one, "name") == "GpuFault");
        Assert.Equal(("X", 0m, 510m), (Text(fault, "ph"), fault.GetProperty("ts").GetDecimal(), fault.GetProperty("dur").GetDecimal()));
        Assert.Contains(events, one => Text(one, "name") == "process_name" && Text(one.GetProperty("args"), "name") == "device 0" && one.GetProperty("pid").GetInt32() == fault.GetProperty("pid").GetInt32());
        Assert.Contains(events, one => Text(one, "name") == "thread_name" && Text(one.GetProperty("args"), "name") == "GpuFault" && one.GetProperty("tid").GetInt32() == fault.GetProperty("tid").GetInt32());
        Assert.Equal("i", Text(events.Single(one => Text(one, "name") == "QueueStop"), "ph"));
    }

    [Fact]
    public void ChromeGetsKernelsThatOverlap()
    {
        using var json = JsonDocument.Parse(Export(ImportFormat.Nvprof, 1, ExportFormat.Chrome));
        Assert.Equal(["b", "e"], json.RootElement.GetProperty("traceEvents").EnumerateArray().Where(one => Text(one, "cat") == "kernel").Select(one => Text(one, "ph")));
    }

    [Fact]
    public void PerfettoGetsPacketsThatBeginAndEndOnDescribedTracks()
    {
        byte[] file = Export(ImportFormat.KfdSmi, 0, ExportFormat.Perfetto);
        var tracks = new Dictionary<ulong, string>();
        var open = new HashSet<ulong>();
        int spans = 0;
        int counts = 0;
        foreach ((int field, byte[] packet, _) in Fields(file))
        {
            Assert.Equal(1, field);
            List<(int Field, byte[] Bytes, ulong Number)> parts = [.. Fields(packet)];
            Assert.Equal(1UL, parts.Single(part => part.Field == 10).Number);
            if (parts.Find(part => part.Field == 60) is { Field: 60 } descriptor)
            {
                List<(int Field, byte[] Bytes, ulong Number)> track = [.. Fields(descriptor.Bytes)];
                tracks.Add(track.Single(part => part.Field == 1).Number, Encoding.UTF8.GetString(track.Single(part => part.Field == 2).Bytes));
                continue;
            }

            List<(int Field, byte[] Bytes, ulong Number)> one = [.. Fields(parts.Single(part => part.Field == 11).Bytes)];
            ulong on = one.Single(part => part.Field == 11).Number;
            Assert.Contains(on, tracks.Keys);
            switch (one.Single(part => part.Field == 9).Number)
            {
                case 1:
                    Assert.True(open.Add(on));
                    Assert.Equal(6, one.Count(part => part.Field == 4));
                    spans++;
                    break;
                case 2:
                    Assert.True(open.Remove(on));
                    break;
                case 4:
                    counts++;
                    break;
            }
        }

        Assert.Empty(open);
        Assert.Equal((5, 2), (spans, counts));
        Assert.Equal(["Bytes to RAM", "Bytes to devices", "Eviction", "GpuFault", "Invalidation", "Migration", "QueueRestore", "QueueStop", "device 0"], tracks.Values.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void RocmGetsItsSummary()
    {
        using var json = JsonDocument.Parse(Export(ImportFormat.KfdSmi, 0, ExportFormat.Rocm));
        JsonElement migrations = Assert.Single(json.RootElement.GetProperty("devices").EnumerateArray()).GetProperty("migrations");
        JsonElement toDevice = migrations.GetProperty("host_to_device");
        Assert.Equal((1, 2097152, 4.194m), (toDevice.GetProperty("count").GetInt32(), toDevice.GetProperty("total_size_bytes").GetInt32(), toDevice.GetProperty("migration_throughput_gbps").GetDecimal()));
        Assert.True(migrations.TryGetProperty("device_to_host", out _));
        Assert.False(migrations.TryGetProperty("device_to_device", out _));
        JsonElement triggers = json.RootElement.GetProperty("summary").GetProperty("migration_triggers");
        Assert.Equal((1, 1, 0), (triggers.GetProperty("gpu_page_fault").GetInt32(), triggers.GetProperty("ttm_eviction").GetInt32(), triggers.GetProperty("unknown").GetInt32()));
    }

    [Fact]
    public void SpansThatOverlapLieSideBySide()
    {
        var lanes = new Lanes();
        Assert.Equal([0, 1, 0, 1], new[] { lanes.Place(0, 10), lanes.Place(5, 12), lanes.Place(10, 20), lanes.Place(12, 21) });
        for (int lane = 2; lane < 64; lane++)
            Assert.Equal(lane, lanes.Place(0, 100));
        Assert.Equal(-1, lanes.Place(0, 100));
    }

    [Theory]
    [InlineData("a.csv", ExportFormat.Csv)]
    [InlineData("a.json", ExportFormat.Chrome)]
    [InlineData("a.PFTRACE", ExportFormat.Perfetto)]
    [InlineData("a.parquet", ExportFormat.Parquet)]
    [InlineData("a", null)]
    public void TheEndingSaysTheFormat(string file, ExportFormat? format) => Assert.Equal(format, ExportFormats.OfFile(file));

    /// <summary>Imports a sample, writes it as a trace, and exports that.</summary>
    private static byte[] Export(ImportFormat format, int sample, ExportFormat to)
    {
        var trace = new MemoryStream();
        using (var writer = new TraceWriter(trace, new TraceHeader { Source = "a sample" }, leaveOpen: true))
        {
            TraceImport.Read(new MemoryStream(Encoding.UTF8.GetBytes(ImportSamples.Texts[sample].Text)), "sample", format, writer);
            writer.Complete();
        }

        trace.Position = 0;
        using var reader = new TraceReader(trace, "sample");
        var exported = new MemoryStream();
        TraceExport.Write(reader, to, exported);
        Assert.Equal(TraceEnd.Complete, reader.End);
        return exported.ToArray();
    }

    /// <summary>A text property; empty if there is none.</summary>
    private static string Text(JsonElement element, string name) => element.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    /// <summary>The fields of a protocol buffer message: numbers, and bytes of texts and messages.</summary>
    private static IEnumerable<(int Field, byte[] Bytes, ulong Number)> Fields(byte[] message)
    {
        for (int at = 0; at < message.Length;)
        {
            ulong key = Varint(message, ref at);
            ulong value = Varint(message, ref at);
            Assert.True((key & 7) is 0 or 2, $"wire type {key & 7}");
            byte[] bytes = (key & 7) == 2 ? message[at..(at + (int)value)] : [];
            at += bytes.Length;
            yield return ((int)(key >> 3), bytes, value);
        }
    }

    /// <summary>Takes a varint.</summary>
    private static ulong Varint(byte[] message, ref int at)
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte one = message[at++];
            value |= (ulong)(one & 0x7F) << shift;
            if (one < 0x80)
                return value;
        }
    }
}
