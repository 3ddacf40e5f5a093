// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Report;

/// <summary>Lists the places where something can fail on purpose.</summary>
internal static class InjectionTable
{
    /// <summary>Writes one line a point, in plain text so that it can be searched.</summary>
    /// <param name="points">The points.</param>
    /// <param name="console">Where to.</param>
    public static void Write(IReadOnlyList<InjectionPointState> points, ToolConsole console)
    {
        var width = points.Max(point => point.Name.Length) + 2;
        foreach (var point in points)
            console.Output.WriteLine(point.Name.PadRight(width) + point.Where);
    }
}
