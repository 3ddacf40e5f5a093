// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Bench;

/// <summary>The machine's C compiler, which builds the floors and kernels in C when they are needed.</summary>
internal static class CCompiler
{
    /// <summary>Compiles one file.</summary>
    /// <param name="source">The C file.</param>
    /// <param name="output">What to make.</param>
    /// <param name="options">Further options.</param>
    /// <returns>An empty text, or why it could not be built and what to do.</returns>
    public static string Build(string source, string output, params string[] options)
    {
        if (Find() is not { } compiler)
            return "no C compiler (cc, gcc or clang) on this machine; install one, as with: apt-get install gcc libc6-dev";
        var (code, _, error) = ChildProcess.Run(compiler, [.. options, "-o", output, source]);
        return code == 0 ? "" : $"{Path.GetFileName(compiler)} cannot build {Path.GetFileName(source)}: {ChildProcess.FirstLine(error)}";
    }

    /// <summary>The first C compiler on the path, or null.</summary>
    private static string? Find()
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        return (from name in (string[])["cc", "gcc", "clang"]
                from folder in folders
                let path = Path.Combine(folder, name)
                where File.Exists(path)
                select path).FirstOrDefault();
    }
}
