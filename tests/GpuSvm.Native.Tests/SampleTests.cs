// SPDX-License-Identifier: MIT
using System.Diagnostics;

namespace GpuSvm.Native.Tests;

/// <summary>The samples in C and Python print what they promise.</summary>
public class SampleTests
{
    private const int NotAvailable = 77;

    [Theory]
    [InlineData("squares.c", "1000 squared is 1000000\n")]
    [InlineData("larger_than_device.c", "64 MiB of data, 16 MiB of device memory: all numbers are right\n")]
    [InlineData("userptr.c", "twice 1000 is 2000\n")]
    [InlineData("two_gpus.c", "the squares of 0 to 262143 add up to 6004765143465984\n")]
    public void ASampleInCPrintsWhatItPromises(string sample, string expected)
    {
        string library = NativeLibraryPath.Find();
        string program = CCompiler.Compile(
            [$"samples/{sample}"], Path.GetFileNameWithoutExtension(sample), "-Wl,--no-as-needed", library, $"-Wl,-rpath,{Path.GetDirectoryName(library)}");
        (int exitCode, string output) = CCompiler.Run(program);
        Assert.Equal(0, exitCode);
        Assert.StartsWith(expected, output, StringComparison.Ordinal);
    }

    [Fact]
    public void TheSampleInPythonComputesInANumpyArrayOverSharedMemory()
    {
        string sample = Path.Combine(AppContext.BaseDirectory, "samples", "shared_numpy.py");
        string[] pythons = [.. new[] { CCompiler.Which("python3"), "/usr/bin/python3" }.OfType<string>().Where(File.Exists).Distinct()];
        (int ExitCode, string Output) last = (NotAvailable, "needs python3: install python3");
        foreach (string python in pythons)
        {
            last = CCompiler.Run(new ProcessStartInfo(python, [sample, NativeLibraryPath.Find()]), TimeSpan.FromMinutes(1));
            if (last.ExitCode != NotAvailable)
                break;
        }

        Assert.SkipWhen(last.ExitCode == NotAvailable, last.Output.Trim());
        Assert.Equal((0, "the root of 1000000 is 1000\n"), last);
    }
}
