// SPDX-License-Identifier: MIT
using System.Diagnostics;

namespace GpuSvm.Mutants;

/// <summary>Compiles Core with a bug in it, beside a copy of this program that then runs on it. The sources themselves are never touched.</summary>
internal sealed class MutantCompiler
{
    private const string CoreFolder = "src/GpuSvm.Core";
    private readonly string _root;
    private readonly string _host = Environment.ProcessPath!; // dotnet, which runs this program.
    private readonly string _compiler;

    /// <summary>Copies this program to a folder of its own.</summary>
    /// <param name="root">The folder of the sources.</param>
    /// <exception cref="InvalidOperationException">There is no SDK beside the running .NET.</exception>
    public MutantCompiler(string root)
    {
        _root = root;
        string sdks = Path.Combine(Path.GetDirectoryName(new FileInfo(_host).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? _host)!, "sdk");
        _compiler = (Directory.Exists(sdks) ? Directory.GetDirectories(sdks, "10.*") : []).Order(StringComparer.Ordinal).Select(sdk => Path.Combine(sdk, "Roslyn/bincore/csc.dll")).LastOrDefault(File.Exists)
            ?? throw new InvalidOperationException($"There is no compiler in {sdks}: run this program with the dotnet of the .NET SDK 10, as dotnet GpuSvm.Mutants.dll.");
        Scratch = Path.Combine(root, "artifacts/mutants", Environment.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture)); // Several may run at a time.
        Directory.CreateDirectory(Scratch);
        foreach (string file in Directory.GetFiles(AppContext.BaseDirectory))
            File.Copy(file, Path.Combine(Scratch, Path.GetFileName(file)), overwrite: true);
    }

    /// <summary>The folder of the copy.</summary>
    public string Scratch { get; }

    /// <summary>Compiles Core with the bug in it into the copy.</summary>
    /// <param name="mutant">The bug.</param>
    /// <exception cref="FormatException">It does not fit the sources, or does not compile.</exception>
    public void Compile(Mutant mutant)
    {
        IReadOnlyDictionary<string, string> changed = mutant.Apply(_root);
        string library = Path.Combine(Scratch, "GpuSvm.Core.dll");
        File.Delete(library);
        var arguments = new List<string>
        {
            "-target:library", $"-out:{library}", "-nullable:enable", "-langversion:14", "-optimize+", "-unsafe+", "-deterministic+", "-nowarn:CS1591", "-nologo", "-nostdlib+",
        };
        arguments.AddRange(((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(':').Where(IsFramework).Select(path => $"-r:{path}"));
        arguments.AddRange(Directory.GetFiles(Path.Combine(_root, "artifacts/obj/GpuSvm.Core/release"), "*.cs"));
        foreach (string file in Directory.GetFiles(Path.Combine(_root, CoreFolder), "*.cs", SearchOption.AllDirectories))
        {
            string path = Path.GetRelativePath(_root, file);
            string used = file;
            if (changed.TryGetValue(path, out string? text))
            {
                used = Path.Combine(Scratch, Path.GetFileName(file));
                File.WriteAllText(used, text);
            }

            arguments.Add(used);
        }

        string response = Path.Combine(Scratch, "core.rsp");
        File.WriteAllLines(response, arguments.Select(argument => $"\"{argument}\""));
        string output = Run(_compiler, ["-shared:gpusvm-mutants", "-keepalive:60", "-noconfig", $"@{response}"], TimeSpan.FromMinutes(3), out int code);
        if (code != 0 || !File.Exists(library))
            throw new FormatException($"{mutant.Id}.mutant does not compile:\n{output}");
    }

    /// <summary>Runs the copy on what was compiled last.</summary>
    /// <param name="mutant">What it is to look for.</param>
    /// <returns>What it found.</returns>
    /// <exception cref="InvalidOperationException">The search broke, or hangs outside of what the explorer sees.</exception>
    public MutantResult Search(Mutant mutant)
    {
        string output = Run(Path.Combine(Scratch, "GpuSvm.Mutants.dll"), ["--search", mutant.Id, .. mutant.Scenarios], TimeSpan.FromMinutes(8), out int code);
        return code == 0 ? MutantResult.Parse(output.Trim().Split('\n')[^1])
            : throw new InvalidOperationException($"The search for {mutant.Id} ended with {code}:\n{output}");
    }

    /// <summary>Draws the schedule that found what was compiled last, by the copy.</summary>
    /// <param name="result">What was found.</param>
    /// <param name="path">The page.</param>
    /// <exception cref="InvalidOperationException">It cannot be drawn.</exception>
    public void Draw(MutantResult result, string path)
    {
        string output = Run(Path.Combine(Scratch, "GpuSvm.Mutants.dll"), ["--draw", path, result.ToLine()], TimeSpan.FromMinutes(2), out int code);
        if (code != 0)
            throw new InvalidOperationException($"The picture of {result.Id} ended with {code}:\n{output}");
    }

    /// <summary>Runs the copy on what was compiled last, on real memory.</summary>
    /// <param name="found">What the explorer has found.</param>
    /// <returns>What it found, way by way. A process that ends by itself has found the bug, too: in the way that it was at.</returns>
    /// <exception cref="InvalidOperationException">It took too long: a loaded machine, or a thread that runs for ever; nobody knows.</exception>
    public IReadOnlyList<RealResult> SearchReally(MutantResult found)
    {
        string output = Run(Path.Combine(Scratch, "GpuSvm.Mutants.dll"), ["--search-real", found.Id, found.Scenario, found.Decisions], TimeSpan.FromMinutes(4), out int code);
        List<RealResult> results = [.. output.Split('\n').Select(line => RealResult.Parse(line.Trim())).OfType<RealResult>()];
        if (code == -1)
            throw new InvalidOperationException($"The search for {found.Id} on real memory took longer than four minutes, and was ended.");
        if (code != 0 && results.Count < RealResult.Ways.Count)
            results.Add(new RealResult(found.Id, found.Scenario, RealResult.Ways[results.Count], 0, $"the process ends with {code}: {output.Trim().Split('\n')[^1]}"));
        return results;
    }

    /// <summary>Whether an assembly is part of .NET.</summary>
    /// <param name="path">Where it is.</param>
    /// <returns>True if so.</returns>
    private static bool IsFramework(string path) => Path.GetFileName(path) is var name && (name.StartsWith("System.", StringComparison.Ordinal) || name is "mscorlib.dll" or "netstandard.dll");

    /// <summary>Runs a .NET program to its end.</summary>
    /// <param name="program">The program's assembly.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="limit">How long it may take.</param>
    /// <param name="code">Its exit code; -1 if it was ended for taking too long.</param>
    /// <returns>What it wrote.</returns>
    private string Run(string program, IReadOnlyList<string> arguments, TimeSpan limit, out int code)
    {
        using var process = Process.Start(new ProcessStartInfo(_host, ["exec", program, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        bool isEnded = process.WaitForExit(limit);
        if (!isEnded)
            process.Kill(entireProcessTree: true);
        code = isEnded ? process.ExitCode : -1;
        return output.Result + errors.Result;
    }
}
