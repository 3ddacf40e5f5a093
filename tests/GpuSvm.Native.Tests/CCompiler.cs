// SPDX-License-Identifier: MIT
using System.Diagnostics;

namespace GpuSvm.Native.Tests;

/// <summary>Compiles C at test time with the system's compiler; tests that need one are skipped by name where there is none.</summary>
internal static class CCompiler
{
    private static readonly string? _compiler = Find();
    private static readonly Lazy<bool> _sanitizes = new(Sanitizes);

    /// <summary>Options that have a program watched for errors of memory and undefined behaviour.</summary>
    public static string[] Sanitizers { get; } = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g"];

    /// <summary>Whether the compiler and its libraries know <see cref="Sanitizers"/>.</summary>
    public static bool HasSanitizers => _sanitizes.Value;

    /// <summary>Compiles a program or a library, warnings as errors.</summary>
    /// <param name="sources">Source files, relative to the test's folder.</param>
    /// <param name="output">The file to write.</param>
    /// <param name="options">Further options, for example -shared. With an include folder among them the header beside the tests is not used.</param>
    /// <returns>The output's full path.</returns>
    public static string Compile(string[] sources, string output, params string[] options)
    {
        Assert.SkipWhen(_compiler == null, "needs a C compiler: install gcc or clang");
        string folder = AppContext.BaseDirectory;
        string path = Path.Combine(Directory.CreateTempSubdirectory("gpusvm-c-").FullName, output);
        var start = new ProcessStartInfo(_compiler!) { RedirectStandardError = true };
        foreach (string argument in (string[])["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", .. Array.Exists(options, IsInclude) ? [] : new[] { $"-I{Path.Combine(folder, "native")}" }, .. options, "-o", path])
            start.ArgumentList.Add(argument);
        foreach (string source in sources)
            start.ArgumentList.Insert(start.ArgumentList.Count, Path.Combine(folder, source));
        start.ArgumentList.Add("-lpthread");
        start.ArgumentList.Add("-ldl");
        using Process process = Process.Start(start)!;
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{_compiler} refused {string.Join(", ", sources)}:\n{errors}");
        return path;
    }

    /// <summary>Runs a compiled program to its end, a minute at the most.</summary>
    /// <param name="path">The program.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <returns>The exit code and what it printed, both streams.</returns>
    public static (int ExitCode, string Output) Run(string path, params string[] arguments) => Run(new ProcessStartInfo(path, arguments), TimeSpan.FromMinutes(1));

    /// <summary>Runs a program to its end.</summary>
    /// <param name="start">The program, its arguments, folder and environment.</param>
    /// <param name="limit">How long it may take.</param>
    /// <returns>The exit code and what it printed, both streams.</returns>
    public static (int ExitCode, string Output) Run(ProcessStartInfo start, TimeSpan limit)
    {
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(limit))
        {
            process.Kill();
            Assert.Fail($"{Path.GetFileName(start.FileName)} {string.Join(' ', start.ArgumentList)} still ran after {limit.TotalSeconds} seconds:\n{output.Result}{errors.Result}");
        }
        return (process.ExitCode, output.Result + errors.Result);
    }

    /// <summary>Whether an option names a folder with headers.</summary>
    private static bool IsInclude(string option) => option.StartsWith("-I", StringComparison.Ordinal);

    /// <summary>Tries whether a program with sanitizers can be made and run.</summary>
    /// <returns>True if so.</returns>
    private static bool Sanitizes()
    {
        if (_compiler == null)
            return false;
        string folder = Directory.CreateTempSubdirectory("gpusvm-c-").FullName;
        File.WriteAllText(Path.Combine(folder, "a.c"), "int main(void) { return 0; }\n");
        string program = Path.Combine(folder, "a");
        return Run(new ProcessStartInfo(_compiler, [.. Sanitizers, Path.Combine(folder, "a.c"), "-o", program]), TimeSpan.FromMinutes(1)).ExitCode == 0 && Run(program).ExitCode == 0;
    }

    /// <summary>Finds a program.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>Its full path, or null.</returns>
    public static string? Which(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    /// <summary>Looks for the compiler that CC names, or cc, gcc, clang.</summary>
    /// <returns>Its full path, or null.</returns>
    private static string? Find()
    {
        string[] names = Environment.GetEnvironmentVariable("CC") is { Length: > 0 } chosen ? [chosen] : ["cc", "gcc", "clang"];
        return names.Select(Which).FirstOrDefault(path => path != null);
    }
}
