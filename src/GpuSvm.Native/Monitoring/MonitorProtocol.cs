// SPDX-License-Identifier: MIT
using System.Diagnostics;
using System.Text.Json;
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Native.Monitoring;

/// <summary>The lines of JSON that the monitor takes and gives. docs/observing.md describes them.</summary>
internal static class MonitorProtocol
{
    /// <summary>The longest request with its line end.</summary>
    public const int MostRequestBytes = 256;

    private const int Version = 1;

    /// <summary>Why a line is no request that can be answered.</summary>
    /// <param name="line">The line without its end.</param>
    /// <returns>A sentence without its full stop; null if it can be answered.</returns>
    public static string? WhyNot(ReadOnlySpan<byte> line)
    {
        try
        {
            var reader = new Utf8JsonReader(line);
            using JsonDocument document = JsonDocument.ParseValue(ref reader);
            if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("version", out JsonElement version)
                || version.ValueKind != JsonValueKind.Number || !version.TryGetInt32(out int number))
                return "the request has no version";
            if (number != Version)
                return $"the request is of version {number}, this library speaks {Version}: use the gpusvm that came with it";
            return document.RootElement.TryGetProperty("request", out JsonElement request) && request.ValueKind == JsonValueKind.String && request.ValueEquals("frame")
                ? null : "the request is unknown: there is frame";
        }
        catch (JsonException)
        {
            return "the request is no JSON";
        }
    }

    /// <summary>A refusal.</summary>
    /// <param name="sentence">Why, without full stop.</param>
    /// <returns>The line.</returns>
    public static byte[] Error(string sentence) => Line(writer => writer.WriteString("error", sentence));

    /// <summary>A frame: the state of all memories at this moment.</summary>
    /// <param name="sessions">They; the monitor's gate is held.</param>
    /// <returns>The line.</returns>
    public static byte[] Frame(IReadOnlyList<MonitoredSession> sessions) => Line(writer =>
    {
        writer.WriteNumber("pid", Environment.ProcessId);
        writer.WriteString("process", Path.GetFileName(Environment.ProcessPath ?? ""));
        writer.WriteNumber("time_ns", Histogram.NanosecondsOf(Stopwatch.GetTimestamp()));
        writer.WriteStartArray("memories");
        foreach (MonitoredSession session in sessions)
            session.Write(writer);
        writer.WriteEndArray();
    });

    /// <summary>One object with its version, on a line.</summary>
    /// <param name="write">Writes its members.</param>
    /// <returns>The bytes with the line end.</returns>
    private static byte[] Line(Action<Utf8JsonWriter> write)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            writer.WriteNumber("version", Version);
            write(writer);
            writer.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }
}
