// SPDX-License-Identifier: MIT
using System.Diagnostics;

namespace GpuSvm.Native.Tests;

/// <summary>Compiles C at test time with the system's compiler; tests that need one are skipped by name where there is none.</summary>
internal static class CCompiler
{
    private static readonly string? _compiler = Find();

    /// <summary>Compiles a program or a library, warnings as errors.</summary>
    /// <param name="sources">Source files, relative to the test's folder.</param>
    /// <param name="output">The file to write.</param>
    /// <param name="options">Further options, for example -shared.</param>
    /// <returns>The output's full path.</returns>
    public static string Compile(string[] sources, string output, params string[] options)
    {
        Assert.SkipWhen(_compiler == null, "needs a C compiler: install gcc or clang");
        string folder = AppContext.BaseDirectory;
        string path = Path.Combine(Directory.CreateTempSubdirectory("gpusvm-c-").FullName, output);
        var start = new ProcessStartInfo(_compiler!) { RedirectStandardError = true };
        foreach (string argument in (string[])["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", $"-I{Path.Combine(folder, "native")}", .. options, "-o", path])
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

    /// <summary>Runs a compiled program to its end.</summary>
    /// <param name="path">The program.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <returns>The exit code and what it printed, both streams.</returns>
    public static (int ExitCode, string Output) Run(string path, params string[] arguments)
    {
        var start = new ProcessStartInfo(path, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(TimeSpan.FromSeconds(60)))
        {
            process.Kill();
            Assert.Fail($"{Path.GetFileName(path)} {string.Join(' ', arguments)} still ran after a minute");
        }
        return (process.ExitCode, output.Result + errors.Result);
    }

    /// <summary>Looks for the compiler that CC names, or cc, gcc, clang.</summary>
    /// <returns>Its full path, or null.</returns>
    private static string? Find()
    {
        string[] names = Environment.GetEnvironmentVariable("CC") is { Length: > 0 } chosen ? [chosen] : ["cc", "gcc", "clang"];
        string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
        return names.SelectMany(name => folders.Select(folder => Path.Combine(folder, name))).FirstOrDefault(File.Exists);
    }
}
