// SPDX-License-Identifier: MIT
namespace GpuSvm.Native.Tests;

/// <summary>What a program does to its mappings, seen by itself and by its kernels: the cases of mappings.c, attach.c and forks.c, each a process of its own. docs/real-memory.md has a row for each.</summary>
public class MappingProgramTests
{
    [Theory]
    [InlineData("protect-read")]
    [InlineData("protect-none")]
    [InlineData("protect-unnoticed")]
    [InlineData("cut-and-free")]
    [InlineData("remap-move")]
    [InlineData("remap-sizes")]
    [InlineData("remap-in-place")]
    [InlineData("advise")]
    [InlineData("guard")]
    [InlineData("threads-one-page")]
    [InlineData("system-calls")]
    [InlineData("replaced-while-running")]
    [InlineData("given-up-while-running")]
    public void APieceOfMemoryThatTheProgramChanges(string name)
    {
        CProgramTests.Run("mappings.c", name);
        CProgramTests.Run("mappings.c", name, "here"); // And where no page moves to the device.
    }

    [Theory]
    [InlineData("protect-bound")]
    public void APieceOfMemoryThatIsUsedWhereItIs(string name) => CProgramTests.Run("mappings.c", name, "here");

    [Theory]
    [InlineData("anonymous")]
    [InlineData("malloc")]
    [InlineData("shared-anonymous")]
    [InlineData("shared-file")]
    [InlineData("private-file")]
    [InlineData("memfd")]
    [InlineData("huge-pages")]
    [InlineData("locked")]
    [InlineData("in-place")]
    [InlineData("refused")]
    [InlineData("closed")]
    [InlineData("detached-while-running")]
    [InlineData("named")]
    public void MemoryThatTheProcessHas(string name) => CProgramTests.Run("attach.c", name);

    [Theory]
    [InlineData("every-byte")]
    [InlineData("diverging")]
    [InlineData("grandchild")]
    [InlineData("child-uses")]
    [InlineData("read-mostly")]
    [InlineData("at-once")]
    public void ForkedChildren(string name)
    {
        CProgramTests.Run("forks.c", name, "portable");
        CProgramTests.Run("forks.c", name, "there");
        CProgramTests.Run("forks.c", name, "here");
    }

    [Theory]
    [InlineData("migrating")]
    [InlineData("exclusive")]
    [InlineData("attached")]
    [InlineData("unannounced")]
    [InlineData("in-kernel")]
    [InlineData("ignored")]
    public void ForkedChildrenWherePagesAreTakenFromTheCpu(string name) => CProgramTests.Run("forks.c", name, "there");

    [Theory]
    [InlineData("stress")]
    public void ForksBesideKernelsAndThreads(string name)
    {
        string seed = Environment.GetEnvironmentVariable("GPUSVM_FORK_SEED") is { Length: > 0 } first ? first : Random.Shared.Next(1, int.MaxValue).ToString(System.Globalization.CultureInfo.InvariantCulture);
        CProgramTests.Run("forks.c", name, seed);
    }
}
