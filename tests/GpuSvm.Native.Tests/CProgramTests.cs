// SPDX-License-Identifier: MIT
namespace GpuSvm.Native.Tests;

/// <summary>C programs against gpusvm.h and libgpusvm.so, each of which checks itself and says what is wrong.</summary>
public class CProgramTests
{
    private const int NotAvailable = 77;

    [Fact]
    public void EveryExportAnswersBadArgumentsWithAStatusAndASentence() => Run("misuse.c");

    [Theory]
    [InlineData("portable")]
    [InlineData("real")]
    public void KernelsInCReadAndWriteWhatTheProgramDoes(string memory) => Run("roundtrip.c", memory);

    [Fact]
    public void ThreadsOfAProgramWithoutARuntimeAndKernelsCountTogether() => Run("threads.c");

    [Theory]
    [InlineData("portable")]
    [InlineData("real")]
    public void MemoriesComeAndGoWithLaunchesNobodyWaitsFor(string memory) => Run("reopen.c", memory);

    [Theory]
    [InlineData("portable")]
    [InlineData("real")]
    public void AFailureOnPurposeIsSurvivedOrNamedAndTheNextTrySucceeds(string memory) => Run("inject.c", memory);

    [Theory]
    [InlineData("portable")]
    [InlineData("real")]
    public void PrefetchesGoOnInTheBackground(string memory) => Run("prefetch.c", memory);

    [Theory]
    [InlineData("portable")]
    [InlineData("real")]
    public void EventsAndHistogramsTellWhatALaunchDid(string memory) => Run("events.c", memory);

    [Theory]
    [InlineData("portable")]
    [InlineData("real")]
    public void AdviceHasItsEffect(string memory) => Run("advise.c", memory);

    [Fact]
    public void AMonitorOutlivesWatchersOfAnyKindAndGoesWithItsMemory() => Run("monitor.c");

    /// <summary>Compiles a program, runs it with the library's path and checks that it is content.</summary>
    internal static void Run(string source, params string[] arguments)
    {
        string? library = Environment.GetEnvironmentVariable("GPUSVM_LIBRARY");
        library = library is { Length: > 0 } ? library : Path.Combine(AppContext.BaseDirectory, "libgpusvm.so");
        string program = CCompiler.Compile([$"programs/{source}"], Path.GetFileNameWithoutExtension(source));
        Assert.True(File.Exists(library), $"{library} is missing: dotnet publish src/GpuSvm.Native -c Release -r linux-x64");
        (int exitCode, string output) = CCompiler.Run(program, [library, .. arguments]);
        Assert.SkipWhen(exitCode == NotAvailable, $"needs userfaultfd: {output.Trim()}");
        Assert.True(exitCode == 0, $"{source} {string.Join(' ', arguments)} ended with {exitCode}:\n{output}");
    }
}
