// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Exporting;

/// <summary>The formats' names, and which a file's name asks for.</summary>
public static class ExportFormats
{
    private static readonly (ExportFormat Format, string Name, string[] Endings)[] _names =
    [
        (ExportFormat.Perfetto, "perfetto", [".perfetto-trace", ".pftrace", ".perfetto"]),
        (ExportFormat.Chrome, "chrome", [".json"]),
        (ExportFormat.Csv, "csv", [".csv"]),
        (ExportFormat.Parquet, "parquet", [".parquet"]),
        (ExportFormat.Rocm, "rocm", []),
    ];

    /// <summary>All names, as a command line has them.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. _names.Select(one => one.Name)];

    /// <summary>The format of a name.</summary>
    /// <param name="name">The name.</param>
    /// <returns>The format, or null.</returns>
    public static ExportFormat? Find(string name) => _names.Where(one => one.Name == name).Select(one => (ExportFormat?)one.Format).FirstOrDefault();

    /// <summary>The format that a file's name asks for by its ending.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The format, or null.</returns>
    public static ExportFormat? OfFile(string path) =>
        _names.Where(one => one.Endings.Any(ending => path.EndsWith(ending, StringComparison.OrdinalIgnoreCase))).Select(one => (ExportFormat?)one.Format).FirstOrDefault();
}
