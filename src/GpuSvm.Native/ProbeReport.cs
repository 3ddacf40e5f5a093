// SPDX-License-Identifier: MIT
using System.Text;
using System.Text.Json;
using GpuSvm.Linux;

namespace GpuSvm.Native;

/// <summary>What this machine can do, as C gets it.</summary>
internal static class ProbeReport
{
    /// <summary>Runs the probe.</summary>
    /// <returns>An array of {name, ok, detail, remedy}.</returns>
    public static string Json()
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartArray();
            foreach (ProbeResult result in LinuxProbe.Run())
            {
                writer.WriteStartObject();
                writer.WriteString("name", result.Name);
                writer.WriteBoolean("ok", result.IsOk);
                writer.WriteString("detail", result.Detail);
                writer.WriteString("remedy", result.Remedy);
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
        }
        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
