// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Vm;

namespace GpuSvm.Conformance.Scenarios;

/// <summary>Memory that is shown to a device at an address of its own.</summary>
public static class UserptrScenarios
{
    private static readonly Part _a = new("A", ..);

    private static readonly int[] _sizes = [1, 5, 16, 511, 512, 1030];
    private static readonly int[] _times = [1, 2, 6];
    private static readonly Range[] _holes = [0..4, 6..10, 12..16, 0..15, 1..16];
    private static readonly bool[] _either = [false, true];

    /// <summary>The scenarios.</summary>
    public static IEnumerable<Scenario> All =>
    [
        .. from pages in _sizes from times in _times select UsedAgain(pages, times),
        .. from hole in _holes from touched in _either select PartGoes(hole, touched),
        new("AUserPointerToUnmappedMemoryIsNotValid", "igt userptr-invalid",
            new Step.Map(_a, 16), new Step.CpuWrite(_a), new Step.Bind(_a), new Step.Unmap(_a[4..8]), new Step.Validate(_a, SvmStatus.NotMapped)),
        new("NewMemoryUnderAUserPointerIsWhatTheDeviceSees", "igt fault-mode INVALIDATE",
            new Step.Map(_a, 16), new Step.CpuWrite(_a), new Step.Bind(_a), new Step.UserptrWrite(_a), new Step.MapAnew(_a), new Step.UserptrRead(_a),
            new Step.CpuWrite(_a, Seed: 7), new Step.UserptrRead(_a), new Step.UserptrWrite(_a, Seed: 8), new Step.CpuRead(_a))
        { Needs = HostMemoryCapabilities.Remaps },
        new("ContentsThatAreGivenUpUnderAUserPointerAreZeroes", "igt fault-mode INVALIDATE",
            new Step.Map(_a, 16), new Step.CpuWrite(_a), new Step.Bind(_a), new Step.UserptrWrite(_a), new Step.DontNeed(_a), new Step.UserptrRead(_a),
            new Step.UserptrWrite(_a, Seed: 8), new Step.CpuRead(_a)),
        new("AUserPointerBoundAgainShowsTheSameMemory", "igt fault-mode REBIND",
            new Step.Map(_a, 16), new Step.Bind(_a), new Step.UserptrWrite(_a), new Step.Unbind(_a), new Step.CpuRead(_a),
            new Step.Bind(_a), new Step.UserptrRead(_a), new Step.UserptrWrite(_a, Seed: 5), new Step.CpuRead(_a)),
        new("PagesOnTheDeviceComeHomeForAUserPointer", "igt usrptr-madvise; kfd MemoryRegister",
            new Step.Map(_a, 512), new Step.GpuWrite(_a), new Step.Placed(_a, PagePlace.Device), new Step.Bind(_a), new Step.UserptrRead(_a),
            new Step.Placed(_a, PagePlace.Ram), new Step.UserptrWrite(_a), new Step.CpuRead(_a), new Step.GpuRead(_a)),
        new("TwoUserPointersShowTheSameMemory", "kfd MemoryRegisterSamePtr",
            new Step.Map(_a, 16), new Step.CpuWrite(_a), new Step.Bind(_a), new Step.Bind(_a[0..16]), new Step.UserptrWrite(_a), new Step.UserptrRead(_a[0..16]),
            new Step.UserptrWrite(_a[0..16], Seed: 6), new Step.UserptrRead(_a), new Step.Unbind(_a), new Step.UserptrRead(_a[0..16])),
        new("AnAccessWhereNothingIsMappedIsRefused", "igt fault-mode invalid-va; igt allocator FAULT; kfd InvalidRange",
            new Step.Map(_a, 16), new Step.GpuWrite(_a), new Step.Unmap(_a[8..16]), new Step.GpuRefused(_a[8..16], SvmStatus.NotMapped),
            new Step.GpuRefused(_a[8..16], SvmStatus.NotMapped, MemoryAccess.Read), new Step.PrefetchRefused(_a[8..16], SvmStatus.NotMapped),
            new Step.GpuRead(_a[..8]), new Step.GpuWrite(_a[..8], Seed: 9), new Step.CpuRead(_a[..8])),
    ];

    /// <summary>The device and the program use the memory in turn.</summary>
    private static Scenario UsedAgain(int pages, int times)
    {
        var steps = new List<Step> { new Step.Map(_a, pages), new Step.Bind(_a) };
        for (int time = 0; time < times; time++)
            steps.AddRange([new Step.CpuWrite(_a, Seed: 10 + time), new Step.UserptrRead(_a), new Step.UserptrWrite(_a, Seed: 20 + time), new Step.CpuRead(_a)]);
        return new Scenario($"AUserPointerOf{pages}PagesIsUsed{times}Times", "igt fault-mode USERPTR; igt vm userptr-binds", [.. steps]);
    }

    /// <summary>A part of what is shown goes; a smaller user pointer to what is left still works.</summary>
    private static Scenario PartGoes(Range hole, bool touched)
    {
        Part rest = hole.Start.Value == 0 ? _a[hole.End.Value..16] : _a[0..hole.Start.Value];
        Step[] touch = touched ? [new Step.UserptrWrite(_a)] : [];
        return new Scenario($"Pages{hole.Start}To{hole.End}UnderAUserPointerGo{(touched ? "AfterItWasUsed" : "")}", "igt vm munmap-style-unbind",
            [new Step.Map(_a, 16), new Step.CpuWrite(_a), new Step.Bind(_a), .. touch, new Step.Unmap(_a[hole]), new Step.Validate(_a, SvmStatus.NotMapped),
            new Step.Bind(rest), new Step.UserptrRead(rest), new Step.UserptrWrite(rest, Seed: 6), new Step.CpuRead(rest)]);
    }
}
