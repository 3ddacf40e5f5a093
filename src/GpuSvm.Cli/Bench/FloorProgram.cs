// SPDX-License-Identifier: MIT
using System.Globalization;

namespace GpuSvm.Cli.Bench;

/// <summary>
/// The bare userfaultfd loop in C that fault latencies are compared with. It is compiled when it is needed, with whatever C compiler the machine has,
/// into a folder that goes away with this object.
/// </summary>
internal sealed class FloorProgram : IDisposable
{
    /// <summary>The source, below the tool's folder or the repository's root.</summary>
    private const string Source = "bench/floor/uffd_floor.c";

    /// <summary>The temporary folder, or null if nothing was compiled.</summary>
    private readonly string? _folder;

    /// <summary>Compiles the program, or finds out why that cannot be.</summary>
    public FloorProgram()
    {
        if (Find() is not { } source)
        {
            Problem = $"{Source} is not beside the tool";
            return;
        }

        _folder = Directory.CreateTempSubdirectory("gpusvm-floor-").FullName;
        Problem = CCompiler.Build(source, Executable, "-O2", "-pthread");
    }

    /// <summary>Why there is no floor; empty if there is one.</summary>
    public string Problem { get; private set; } = "";

    /// <summary>The compiled program's path.</summary>
    private string Executable => Path.Combine(_folder!, "uffd_floor");

    /// <summary>Measures fault round trips.</summary>
    /// <param name="faulterCpu">Where to pin the faulting thread, or null to leave both threads unpinned.</param>
    /// <param name="handlerCpu">Where to pin the handler; used with <paramref name="faulterCpu"/> only.</param>
    /// <param name="rounds">Faults per size.</param>
    /// <returns>Median and 99th percentile in nanoseconds by size in bytes; empty with <see cref="Problem"/> set if it failed.</returns>
    public IReadOnlyDictionary<long, (double Median, double P99)> Measure(int? faulterCpu, int handlerCpu, int rounds)
    {
        var results = new Dictionary<long, (double Median, double P99)>();
        if (Problem.Length > 0)
            return results;
        List<string> arguments = ["--rounds", Text(rounds)];
        if (faulterCpu is { } faulter)
            arguments.AddRange(["--pin-faulter", Text(faulter), "--pin-handler", Text(handlerCpu)]);
        var (code, output, error) = ChildProcess.Run(Executable, arguments);
        foreach (var line in output.Split('\n'))
        {
            var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length >= 3 && long.TryParse(fields[0], CultureInfo.InvariantCulture, out var size)
                && double.TryParse(fields[1], CultureInfo.InvariantCulture, out var median) && double.TryParse(fields[2], CultureInfo.InvariantCulture, out var p99))
                results[size] = (median, p99);
        }

        if (code != 0 || results.Count == 0)
            Problem = $"the bare userfaultfd loop failed with exit code {code}: {ChildProcess.FirstLine(error)}";
        return results;
    }

    /// <summary>Removes what was compiled.</summary>
    public void Dispose()
    {
        if (_folder is not null)
            Directory.Delete(_folder, recursive: true);
    }

    /// <summary>The source's path, or null.</summary>
    private static string? Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var candidate = Path.Combine(folder.FullName, Source);
            if (File.Exists(candidate))
                return candidate;
        }

        return null;
    }

    /// <summary>A number as an argument.</summary>
    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
