// SPDX-License-Identifier: MIT
using System.Text;
using System.Text.Json;
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Native;

/// <summary>The injection points, as C gets them.</summary>
internal static class InjectionReport
{
    /// <summary>All names, for an error that has to list them.</summary>
    public static string Names => string.Join(", ", Enum.GetNames<InjectionPoint>());

    /// <summary>Finds a point by its name, in capitals or not.</summary>
    /// <param name="name">The name; a number is none.</param>
    /// <param name="point">The point.</param>
    /// <returns>False if there is none.</returns>
    public static bool TryParse(string name, out InjectionPoint point)
    {
        foreach (InjectionPoint candidate in Enum.GetValues<InjectionPoint>())
        {
            point = candidate;
            if (string.Equals(name, candidate.ToString(), StringComparison.OrdinalIgnoreCase))
                return true;
        }

        point = default;
        return false;
    }

    /// <summary>Describes the points as they are now.</summary>
    /// <returns>An array of {name, where, hits, waiting}.</returns>
    public static string Json()
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartArray();
            foreach (InjectionPoint point in Enum.GetValues<InjectionPoint>())
            {
                writer.WriteStartObject();
                writer.WriteString("name", point.ToString());
                writer.WriteString("where", point.Where());
                writer.WriteNumber("hits", Injection.Hits(point));
                writer.WriteNumber("waiting", Injection.Waiting(point));
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
        }
        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
