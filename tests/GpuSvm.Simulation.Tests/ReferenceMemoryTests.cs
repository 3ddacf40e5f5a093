// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;

namespace GpuSvm.Simulation.Tests;

/// <summary>The reference model itself.</summary>
public sealed class ReferenceMemoryTests
{
    private static readonly AddressRange _interval = AddressRange.OfPages(new VirtualAddress(0x10000), 4);

    [Fact]
    public void ItReadsWhatWasWrittenAndZeroesElsewhere()
    {
        var model = new ReferenceMemory();
        model.Map(_interval);
        model.Write(_interval.Start + 4094, [1, 2, 3, 4]);
        byte[] bytes = new byte[6];
        model.Read(_interval.Start + 4093, bytes);
        Assert.Equal([0, 1, 2, 3, 4, 0], bytes);
        Assert.Null(model.FirstDifference(_interval.Start + 4093, [0, 1, 2, 3, 4, 0]));
        Assert.Equal(_interval.Start + 4096, model.FirstDifference(_interval.Start + 4093, [0, 1, 2, 9, 4, 0]));
    }

    [Fact]
    public void ZeroUnmapAndMapForgetTheBytes()
    {
        var model = new ReferenceMemory();
        model.Map(_interval);
        model.Write(_interval.Start, [7]);
        model.Zero(_interval);
        Assert.Null(model.FirstDifference(_interval.Start, [0]));
        model.Write(_interval.Start, [7]);
        model.Map(_interval);
        Assert.Null(model.FirstDifference(_interval.Start, [0]));
        model.Unmap(AddressRange.OfPages(_interval.Start, 1));
        Assert.False(model.IsMapped(_interval));
        Assert.True(model.IsMapped(AddressRange.OfPages(_interval.Start + 4096, 3)));
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Write(_interval.Start + 4000, new byte[4000]));
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Write(_interval.End - 1, [1, 2]));
    }
}
