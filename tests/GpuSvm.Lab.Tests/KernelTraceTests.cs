// SPDX-License-Identifier: MIT
using System.Text;
using GpuSvm.Lab.Conformance;
using GpuSvm.SoftwareGpu.Mirror;

namespace GpuSvm.Lab.Tests;

/// <summary>What the Linux kernel answered is what we answer, on every line of every recorded trace.</summary>
public sealed class KernelTraceTests
{
    [Theory]
    [InlineData("device", 75)]
    [InlineData("device-unmap-protect", 75)]
    [InlineData("device-unmap-protect-remap", 100)]
    public void EveryFieldOfEveryLineIsEqual(string family, int count)
    {
        Trace[] traces = [.. TraceArchive.OfFamily(family)];
        Assert.Equal(count, traces.Length);
        var differences = new StringBuilder();
        foreach (Trace trace in traces)
        {
            if (TraceReplay.Run(trace, CheckTables) is { } difference)
                differences.AppendLine($"{difference.Trace}\n  expected {difference.Expected}\n  actual   {difference.Actual}");
        }

        Assert.True(differences.Length == 0, differences.ToString());
    }

    /// <summary>No table says what the address space does not (INV-16), and nothing has leaked.</summary>
    private static void CheckTables(TraceMachine machine, int step)
    {
        foreach (MirrorDevice device in machine.Devices)
            Assert.Empty(device.Check());
    }
}
