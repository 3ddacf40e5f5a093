// SPDX-License-Identifier: MIT
using System.Diagnostics;

namespace GpuSvm.Native.Tests;

/// <summary>What is installed is all that a program in C needs.</summary>
public class InstallTests
{
    [Fact]
    public void AProgramIsCompiledWithPkgConfigFromTheInstalledTreeAndFindsTheFirstSymbolVersion()
    {
        Assert.SkipWhen(CCompiler.Which("pkg-config") == null, "needs pkg-config: install pkg-config");
        string destination = Directory.CreateTempSubdirectory("gpusvm-install-").FullName;
        var install = new ProcessStartInfo(Script(), ["install", "--prefix", "/opt/gpusvm"]);
        install.Environment["DESTDIR"] = destination;
        (int exitCode, string output) = CCompiler.Run(install, TimeSpan.FromMinutes(10));
        Assert.True(exitCode == 0, output);
        string installed = Path.Combine(destination, "opt/gpusvm");
        Assert.Equal(
            ["include/gpusvm.h", "lib/libgpusvm.so", "lib/pkgconfig/gpusvm.pc"],
            Directory.GetFiles(installed, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(installed, file)).Order());

        string flags = PkgConfig(installed, destination, "--cflags", "--libs", "gpusvm");
        Assert.Equal("0.1.0\n", PkgConfig(installed, destination, "--modversion", "gpusvm"));
        string[] options = flags.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        string library = Path.Combine(installed, "lib");
        string program = CCompiler.Compile(["programs/installed.c"], "installed", ["-Wl,--no-as-needed", .. options, $"-Wl,-rpath,{library}"]);
        Assert.Equal((0, "installed: done\n"), CCompiler.Run(program, Path.Combine(library, "libgpusvm.so")));
    }

    [Theory]
    [InlineData("relative/folder", "must begin with /")]
    [InlineData("/proc/nowhere", "cannot be written")]
    public void AnImpossiblePrefixIsRefusedWithTheRemedy(string prefix, string expected)
    {
        (int exitCode, string output) = CCompiler.Run(new ProcessStartInfo(Script(), ["install", "--prefix", prefix]), TimeSpan.FromMinutes(10));
        Assert.Equal(2, exitCode);
        Assert.Contains(expected, output, StringComparison.Ordinal);
    }

    /// <summary>Asks pkg-config about the installed tree.</summary>
    private static string PkgConfig(string installed, string destination, params string[] arguments)
    {
        var start = new ProcessStartInfo(CCompiler.Which("pkg-config")!, arguments);
        start.Environment["PKG_CONFIG_PATH"] = Path.Combine(installed, "lib/pkgconfig");
        start.Environment["PKG_CONFIG_SYSROOT_DIR"] = destination;
        (int exitCode, string output) = CCompiler.Run(start, TimeSpan.FromMinutes(1));
        Assert.True(exitCode == 0, output);
        return output;
    }

    /// <summary>The script in the repository that these tests were built in.</summary>
    private static string Script()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder != null; folder = folder.Parent)
        {
            string script = Path.Combine(folder.FullName, "gpusvm");
            if (File.Exists(script))
                return script;
        }

        Assert.Skip("needs the repository: these tests run outside of it");
        return "";
    }
}
