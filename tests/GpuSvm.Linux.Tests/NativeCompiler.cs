// SPDX-License-Identifier: MIT
using System.Diagnostics;

namespace GpuSvm.Linux.Tests;

/// <summary>Compiles the tests' C programs with the machine's compiler, once each; skips the test by name where there is none.</summary>
internal static class NativeCompiler
{
    private static readonly Lock _lock = new();
    private static readonly Dictionary<string, string> _built = [];

    /// <summary>Compiles a C file of the Native folder.</summary>
    /// <param name="source">Its file name.</param>
    /// <param name="arguments">For the compiler, besides the output.</param>
    /// <returns>The path of what was built.</returns>
    public static string Build(string source, string arguments)
    {
        lock (_lock)
        {
            if (_built.TryGetValue(source, out string? known))
                return known;
            string folder = Directory.CreateTempSubdirectory("gpusvm-native-").FullName;
            AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
            string output = Path.Combine(folder, Path.GetFileNameWithoutExtension(source) + (arguments.Contains("-shared", StringComparison.Ordinal) ? ".so" : ""));
            string path = Path.Combine(AppContext.BaseDirectory, "Native", source);
            Run(Compiler(), $"{arguments} -o {output} {path}");
            return _built[source] = output;
        }
    }

    /// <summary>Runs a program to its end.</summary>
    /// <param name="program">Its path.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <returns>What it printed.</returns>
    public static string Run(string program, string arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {arguments} ended with {process.ExitCode}: {errors.Result}{output}");
        return output;
    }

    /// <summary>The C compiler.</summary>
    private static string Compiler()
    {
        foreach (string folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'))
        {
            foreach (string name in new[] { "cc", "gcc", "clang" })
            {
                if (File.Exists(Path.Combine(folder, name)))
                    return Path.Combine(folder, name);
            }
        }

        Assert.Skip("needs a C compiler: sudo apt-get install gcc libc6-dev");
        return "";
    }
}
