// SPDX-License-Identifier: MIT
using System.Diagnostics;
using System.Globalization;

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

    [Theory]
    [InlineData("portable", "faults")]
    [InlineData("portable", "nofaults")]
    [InlineData("real", "faults")]
    [InlineData("real", "nofaults")]
    public void BytesGoThroughThePageTableWithoutAKernelAndPagesAreToldOf(string memory, string faults) => Run("transfer.c", memory, faults);

    [Theory]
    [InlineData("portable")]
    [InlineData("real")]
    public void QueuesOfSeveralDevicesKeepTheirOrderAndNoOtherAndCallBack(string memory) => Run("queues.c", memory);

    [Theory]
    [InlineData("portable", "faults")]
    [InlineData("portable", "nofaults")]
    [InlineData("real", "faults")]
    [InlineData("real", "nofaults")]
    public void MemoryOfTheProgramsOwnIsUsedInPlace(string memory, string faults) => Run("userptr.c", memory, faults);

    [Theory]
    [InlineData("portable")]
    [InlineData("real")]
    public void MirrorsDoWhatTheyAreTold(string memory) => Run("mirror.c", memory);

    [Theory]
    [InlineData("portable", "faults")]
    [InlineData("portable", "nofaults")]
    [InlineData("real", "faults")]
    [InlineData("real", "nofaults")]
    public void SeveralAddressSpacesShareOneMemoryAndComeAndGo(string memory, string faults) => Run("vms.c", memory, faults);

    [Fact]
    public void AMonitorOutlivesWatchersOfAnyKindAndGoesWithItsMemory() => Run("monitor.c");

    /// <summary>The same programs watched by the compiler's sanitizers.</summary>
    [Theory]
    [InlineData("misuse.c")]
    [InlineData("roundtrip.c", "real")]
    [InlineData("threads.c")]
    [InlineData("reopen.c", "real")]
    [InlineData("inject.c", "portable")]
    [InlineData("prefetch.c", "real")]
    [InlineData("events.c", "real")]
    [InlineData("advise.c", "real")]
    [InlineData("transfer.c", "real", "faults")]
    [InlineData("transfer.c", "portable", "nofaults")]
    [InlineData("queues.c", "real")]
    [InlineData("userptr.c", "real", "faults")]
    [InlineData("userptr.c", "portable", "nofaults")]
    [InlineData("mirror.c", "real")]
    [InlineData("vms.c", "real", "faults")]
    [InlineData("fuzz.c", "real", "3", "1")]
    [InlineData("fuzz.c", "portable", "3", "1")]
    public void SanitizersHaveNothingToSay(string source, params string[] arguments)
    {
        Assert.SkipUnless(CCompiler.HasSanitizers, "needs gcc's sanitizers: install libasan and libubsan");
        Run(source, arguments, CCompiler.Sanitizers);
    }

    /// <summary>The same programs under valgrind, on portable memory: valgrind knows no userfaultfd.</summary>
    [Theory]
    [InlineData("roundtrip.c", "portable")]
    [InlineData("transfer.c", "portable", "faults")]
    [InlineData("prefetch.c", "portable")]
    [InlineData("advise.c", "portable")]
    [InlineData("events.c", "portable")]
    public void ValgrindHasNothingToSay(string source, params string[] arguments)
    {
        string? valgrind = CCompiler.Which("valgrind");
        Assert.SkipWhen(valgrind == null, "needs valgrind: install it");
        string program = CCompiler.Compile([$"programs/{source}"], Path.GetFileNameWithoutExtension(source));
        DirectoryInfo folder = Directory.CreateTempSubdirectory("gpusvm-valgrind"); // Apart from its debug information, which is newer than some valgrinds can read: they give up.
        try
        {
            string library = Path.Combine(folder.FullName, "libgpusvm.so");
            File.Copy(NativeLibraryPath.Find(), library);
            (int exitCode, string output) = CCompiler.Run(new ProcessStartInfo(valgrind!, ["--quiet", "--error-exitcode=99", program, library, .. arguments]), TimeSpan.FromMinutes(5));
            Assert.True(exitCode == 0, $"{source} {string.Join(' ', arguments)} ended with {exitCode}:\n{output}");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>
    /// Arbitrary calls for some seconds; GPUSVM_FUZZ_SECONDS sets how many, GPUSVM_FUZZ_SEED with what to begin.
    /// </summary>
    [Theory]
    [InlineData("portable")]
    [InlineData("real")]
    public void ArbitraryCallsNeverCrashHangOrLoseAByte(string memory)
    {
        string seconds = Environment.GetEnvironmentVariable("GPUSVM_FUZZ_SECONDS") is { Length: > 0 } chosen ? chosen : "5";
        string seed = Environment.GetEnvironmentVariable("GPUSVM_FUZZ_SEED") is { Length: > 0 } first ? first : Random.Shared.Next(1, int.MaxValue).ToString(CultureInfo.InvariantCulture);
        Run("fuzz.c", [memory, seconds, seed], [], int.Parse(seconds, CultureInfo.InvariantCulture) + 120);
    }

    /// <summary>Compiles a program, runs it with the library's path and checks that it is content.</summary>
    internal static void Run(string source, params string[] arguments) => Run(source, arguments, []);

    /// <summary>As above, with options for the compiler and a limit in seconds.</summary>
    private static void Run(string source, string[] arguments, string[] options, int seconds = 120)
    {
        string program = CCompiler.Compile([$"programs/{source}"], Path.GetFileNameWithoutExtension(source), options);
        (int exitCode, string output) = CCompiler.Run(new ProcessStartInfo(program, [NativeLibraryPath.Find(), .. arguments]), TimeSpan.FromSeconds(seconds));
        Assert.SkipWhen(exitCode == NotAvailable, $"needs userfaultfd: {output.Trim()}");
        Assert.True(exitCode == 0, $"{source} {string.Join(' ', arguments)} ended with {exitCode}:\n{output}");
    }
}
