// SPDX-License-Identifier: MIT
using System.Globalization;
using GpuSvm.Cli.Commands;
using GpuSvm.Cli.Report;

namespace GpuSvm.Cli.Workloads;

/// <summary>One failure on purpose that the user asked for.</summary>
/// <param name="Point">The injection point, as the library spells it.</param>
/// <param name="Hit">Which of its hits fails, from the opening of the memory on; 1 is the first.</param>
internal sealed record InjectionRequest(string Point, long Hit)
{
    /// <summary>Reads what the user wrote as POINT[:NTH].</summary>
    /// <param name="texts">The values of --inject.</param>
    /// <exception cref="InputException">A point is unknown, or a hit is no number.</exception>
    public static IReadOnlyList<InjectionRequest> ParseAll(IReadOnlyList<string> texts)
    {
        if (texts.Count == 0)
            return [];
        var points = FaultInjection.Points.Select(point => point.Name).ToList();
        return [.. texts.Select(text => Parse(text, points))];
    }

    /// <summary>What has become of requests, at the end of a run.</summary>
    /// <param name="requests">All that were armed, with nothing armed before.</param>
    public static IReadOnlyList<InjectionOutcome> Outcomes(IReadOnlyList<InjectionRequest> requests)
    {
        var hits = FaultInjection.Points.ToDictionary(point => point.Name, point => point.Hits);
        return [.. requests.Select(request => new InjectionOutcome(request.Point, request.Hit, hits[request.Point], request.Hit <= hits[request.Point]))];
    }

    /// <summary>Reads one value.</summary>
    /// <param name="text">What the user wrote.</param>
    /// <param name="points">The names there are.</param>
    private static InjectionRequest Parse(string text, IReadOnlyList<string> points)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var name = colon < 0 ? text : text[..colon];
        var number = colon < 0 ? "1" : text[(colon + 1)..];
        if (points.FirstOrDefault(point => point.Equals(name, StringComparison.OrdinalIgnoreCase)) is not { } point)
        {
            var nearest = NearestName.Find(name, points);
            throw new InputException($"--inject {text}: there is no such point; {(nearest is null ? "" : $"did you mean {nearest}? ")}the points are {string.Join(", ", points)}");
        }

        return long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var hit) && hit is >= 1 and <= int.MaxValue
            ? new InjectionRequest(point, hit)
            : throw new InputException($"--inject {text}: which hit is to fail must be a whole number from 1 to {int.MaxValue}, as {point}:1");
    }
}
