// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Vm;

namespace GpuSvm.Simulation.Scenarios;

/// <summary>The machine of a scenario. The default is as small as it can be, so that many schedules can be run.</summary>
public sealed record ScenarioOptions
{
    /// <summary>How many devices there are, 1 to 4, all in one VM.</summary>
    public int Devices { get; init; } = 1;

    /// <summary>The memory of each device, in pages.</summary>
    public int DevicePages { get; init; } = 8;

    /// <summary>The largest range.</summary>
    public PageOrder Chunk { get; init; } = PageOrder.Small;

    /// <summary>Whether devices pull in what they touch; otherwise it stays in RAM.</summary>
    public bool Migrates { get; init; } = true;

    /// <summary>What becomes of a range that loses a part.</summary>
    public PartialUnmapMode PartialUnmap { get; init; } = PartialUnmapMode.Split;

    /// <summary>Whether a fault of one device maps the pages for the others too.</summary>
    public bool SharesMappings { get; init; }

    /// <summary>How long pages stay on a device at least.</summary>
    public TimeSpan Timeslice { get; init; }

    /// <summary>Whether contents that are given up go only after everybody has been told, as Linux may do it: then what a device has been given in between survives (docs/explorer.md).</summary>
    public bool DiscardsLate { get; init; }

    /// <summary>Whether devices cannot fault: what they touch belongs to jobs.</summary>
    public bool WithoutFaults { get; init; }

    /// <summary>Whether the VM is closed while its memory is still mapped and used; otherwise everything is unmapped first.</summary>
    public bool ClosesFirst { get; init; }

    /// <summary>Whether advice goes with the memory that it was given for.</summary>
    public bool ResetsAdvice { get; init; }

    /// <summary>How many pages of each device a thread keeps free; 0 for none.</summary>
    public int KeepFreePages { get; init; }

    /// <summary>Whether the memory announces changes of protection, as one inside the kernel does.</summary>
    public bool IsInKernel { get; init; }
}
