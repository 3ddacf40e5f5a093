// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Conformance;

/// <summary>
/// The base of the suites that every host memory passes, as far as its promise goes. A backend derives one small class from each suite and names its fixture
/// there; a test that needs more than the memory promises skips itself by name.
/// </summary>
public abstract class HostMemoryConformance
{
    /// <summary>Sizes of one migration, in pages: the three page sizes of the GPU.</summary>
    public static TheoryData<int> MigrationPages => [1, 16, PageSize.PagesPerHuge];

    /// <summary>The backend.</summary>
    protected abstract HostMemoryFixture Fixture { get; }

    /// <summary>Runs a test on a fresh memory, or skips it.</summary>
    /// <param name="needs">What the memory must promise.</param>
    /// <param name="body">The test.</param>
    protected void Run(HostMemoryCapabilities needs, Action<ConformanceMachine> body)
    {
        SkipIfUnavailable();
        Run(Fixture.Create(), needs, body);
    }

    /// <summary>Runs a test that needs nothing special on a fresh memory.</summary>
    /// <param name="body">The test.</param>
    protected void Run(Action<ConformanceMachine> body) => Run(HostMemoryCapabilities.None, body);

    /// <summary>Runs a test on a memory with few staging blocks, or skips it.</summary>
    /// <param name="blocks">How many.</param>
    /// <param name="needs">What the memory must promise.</param>
    /// <param name="body">The test.</param>
    protected void RunWithStaging(int blocks, HostMemoryCapabilities needs, Action<ConformanceMachine> body)
    {
        SkipIfUnavailable();
        IHostMemory? memory = Fixture.CreateWithStaging(blocks);
        Assert.SkipWhen(memory is null, "needs a limit on staging blocks, which this memory does not have");
        Run(memory, needs, body);
    }

    /// <summary>Runs a test on a memory with few pages, or skips it.</summary>
    /// <param name="pages">How many.</param>
    /// <param name="needs">What the memory must promise.</param>
    /// <param name="body">The test.</param>
    protected void RunWithPages(int pages, HostMemoryCapabilities needs, Action<ConformanceMachine> body)
    {
        SkipIfUnavailable();
        IHostMemory? memory = Fixture.CreateWithPages(pages);
        Assert.SkipWhen(memory is null, "needs a limit on pages, which this memory does not have");
        Run(memory, needs, body);
    }

    /// <summary>Runs a test on a memory.</summary>
    /// <param name="memory">A fresh memory.</param>
    /// <param name="needs">What it must promise.</param>
    /// <param name="body">The test.</param>
    private void Run(IHostMemory memory, HostMemoryCapabilities needs, Action<ConformanceMachine> body)
    {
        using var machine = new ConformanceMachine(Fixture, memory);
        HostMemoryCapabilities missing = needs & ~memory.Capabilities;
        Assert.SkipWhen(missing != 0, $"needs {missing}, which this memory does not promise");
        body(machine);
        machine.Finish();
    }

    /// <summary>Skips the test where the backend cannot run.</summary>
    private void SkipIfUnavailable() => Assert.SkipWhen(Fixture.Unavailable is not null, Fixture.Unavailable ?? "");
}
