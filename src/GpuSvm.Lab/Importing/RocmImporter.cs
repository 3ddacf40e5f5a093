// SPDX-License-Identifier: MIT
using System.Text;
using System.Text.Json;
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Lab.Importing;

/// <summary>
/// Reads the summary of unified memory that ROCm's profiler writes (unified_memory-PID.json): for each device and direction the number of migrations, their sizes and their time. It knows no address, no order and
/// no cause of a single migration: see <see cref="SummedEvents"/>. Faults are told without their side, so none are given on.
/// </summary>
internal sealed class RocmImporter
{
    private const int MostBytes = 64 << 20; // A summary has a few kilobytes.

    private readonly Dictionary<string, long> _numbers = [];
    private readonly List<string> _path = []; // Names of the objects and arrays that are open.
    private long? _device;

    /// <summary>Reads a whole file.</summary>
    /// <param name="stream">The file.</param>
    /// <param name="output">Gets what it says.</param>
    /// <param name="lines">How many lines it has, to where it was read.</param>
    /// <returns>What is wrong with it, and in which line; null if nothing is.</returns>
    public string? Read(Stream stream, ImportOutput output, out long lines)
    {
        var whole = new MemoryStream();
        byte[] buffer = new byte[64 << 10];
        for (int read; whole.Length <= MostBytes && (read = stream.Read(buffer)) > 0;)
            whole.Write(buffer, 0, read);
        ReadOnlySpan<byte> bytes = whole.GetBuffer().AsSpan(0, (int)whole.Length);
        lines = 0;
        if (whole.Length > MostBytes)
            return $"it has more than {MostBytes} bytes, and is no summary";
        if (bytes.StartsWith("\uFEFF"u8))
            bytes = bytes[3..];
        var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
        try
        {
            Walk(ref reader, new SummedEvents(output));
            lines = LineOf(bytes, bytes.Length);
            return null;
        }
        catch (JsonException e)
        {
            lines = (e.LineNumber ?? 0) + 1;
            return $"line {lines}, byte {(e.BytePositionInLine ?? 0) + 1}: it is not JSON there ({e.Message.Split(". LineNumber")[0]})";
        }
        catch (ImportLineException e)
        {
            lines = LineOf(bytes, (int)reader.TokenStartIndex);
            return $"line {lines}, {string.Join('.', _path.Where(static name => name.Length > 0))}: {e.Message}";
        }
    }

    /// <summary>Goes through all tokens, and gives a direction's migrations on where its object ends.</summary>
    /// <param name="reader">Stands at the beginning.</param>
    /// <param name="events">Gets them.</param>
    private void Walk(ref Utf8JsonReader reader, SummedEvents events)
    {
        string name = "";
        while (reader.Read())
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.PropertyName:
                    name = Text(ref reader);
                    continue;
                case JsonTokenType.StartObject or JsonTokenType.StartArray:
                    _path.Add(name);
                    _numbers.Clear();
                    if (IsDevice)
                        _device = null;
                    break;
                case JsonTokenType.EndObject or JsonTokenType.EndArray:
                    if (IsDirection)
                        Direction(events);
                    _path.RemoveAt(_path.Count - 1);
                    _numbers.Clear();
                    break;
                case JsonTokenType.Number when IsDevice && name == "device_id":
                    _device = Number(ref reader);
                    break;
                case JsonTokenType.Number when IsDirection && name is not "migration_throughput_gbps":
                    _numbers[name] = Number(ref reader);
                    break;
                case JsonTokenType.String or JsonTokenType.True or JsonTokenType.False or JsonTokenType.Null when IsDirection || (IsDevice && name == "device_id"):
                    throw new ImportLineException($"a number for {name}", reader.TokenType == JsonTokenType.String ? $"\"{Text(ref reader)}\"" : reader.TokenType.ToString());
                default:
                    break;
            }

            name = "";
        }
    }

    /// <summary>Whether the innermost object is one of the devices: {devices: [{</summary>
    private bool IsDevice => _path.Count == 3 && _path[1] == "devices";

    /// <summary>Whether it is a direction of a device's migrations: {devices: [{migrations: {host_to_device: {</summary>
    private bool IsDirection => _path.Count == 5 && _path[1] == "devices" && _path[3] == "migrations";

    /// <summary>The migrations of one device in one direction.</summary>
    /// <param name="events">Gets them.</param>
    private void Direction(SummedEvents events)
    {
        if (_device is not { } device)
            throw new ImportLineException("a device_id before the device's migrations", "none");
        if (device is < 0 or > 255)
            throw new ImportLineException("a device_id from 0 to 255", $"{device}");
        short place = (short)device;
        (short from, short to) = _path[4] switch
        {
            "host_to_device" => (SvmPlace.Ram, place),
            "device_to_host" => (place, SvmPlace.Ram),
            "device_to_device" => (SvmPlace.None, place),
            string other => throw new ImportLineException("host_to_device, device_to_host or device_to_device", other),
        };
        foreach (string wanted in (ReadOnlySpan<string>)["count", "total_size_bytes"])
        {
            if (!_numbers.ContainsKey(wanted))
                throw new ImportLineException($"a number {wanted} in {_path[4]}", "none");
        }

        long bytes = _numbers["total_size_bytes"];
        var pattern = new SvmEvent(SvmEventKind.Migration, default, 0) { From = from, To = to };
        events.Add(pattern, _numbers["count"], bytes, _numbers.GetValueOrDefault("total_time_ns"), Optional("min_size_bytes"), Optional("max_size_bytes"));
    }

    /// <summary>A number of the innermost object.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The number, or null.</returns>
    private long? Optional(string name) => _numbers.TryGetValue(name, out long number) ? number : null;

    /// <summary>A number that counts something.</summary>
    /// <param name="reader">Stands at it.</param>
    /// <returns>The number.</returns>
    private static long Number(ref Utf8JsonReader reader) =>
        reader.TryGetInt64(out long number) && number is >= 0 and < 1L << 57 ? number
        : reader.TryGetDouble(out double real) && real is >= 0 and < 1L << 57 ? (long)real // Some writers give averages and times as they come out of a division.
        : throw new ImportLineException("a number from 0 to 2^57", Text(ref reader));

    /// <summary>A token as it stands in the text; what is not UTF-8 is replaced, which the reader's own way of telling it refuses.</summary>
    /// <param name="reader">Stands at it.</param>
    /// <returns>Its text, without quotes.</returns>
    private static string Text(ref Utf8JsonReader reader) => Encoding.UTF8.GetString(reader.ValueSpan);

    /// <summary>The line of a byte.</summary>
    /// <param name="bytes">The text.</param>
    /// <param name="at">The byte's index.</param>
    /// <returns>From 1.</returns>
    private static long LineOf(ReadOnlySpan<byte> bytes, int at) => bytes[..Math.Min(at, bytes.Length)].Count((byte)'\n') + 1;
}
