// SPDX-License-Identifier: MIT
namespace GpuSvm.Native.Tests;

/// <summary>What a program does to its mappings, seen by itself and by its kernels: the cases of mappings.c and attach.c, each a process of its own. docs/real-memory.md has a row for each.</summary>
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
    [InlineData("fork")]
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
}
