// SPDX-License-Identifier: MIT
using CsCheck;
using GpuSvm.Core.Addressing;

namespace GpuSvm.SoftwareGpu.Tests;

public sealed class SoftwareGpuTlbTests
{
    private static readonly int[] _shifts = [12, 16, 21];

    [Fact]
    public void WhatIsFoundWasInsertedAndNotDropped() =>
        Gen.Select(Gen.Int[0, 2], Gen.ULong[0, 4UL << 30], Gen.Int[0, 9], Gen.ULong[1, 64UL << 20]).Array[1, 400].Sample(steps =>
        {
            SoftwareGpuTlb tlb = new();
            Dictionary<(int Shift, ulong Number), ulong> live = [];
            ulong pointer = 0x1000;
            foreach ((int size, ulong address, int kind, ulong bytes) in steps)
            {
                if (kind < 7)
                {
                    tlb.Drop(address >> _shifts[size] << _shifts[size], ((address >> _shifts[size]) + 1) << _shifts[size]); // As the MMU does: no overlap.
                    DropFrom(live, address >> _shifts[size] << _shifts[size], ((address >> _shifts[size]) + 1) << _shifts[size]);
                    tlb.Insert(address, (SoftwareGpuPageClass)size, pointer);
                    live[(_shifts[size], address >> _shifts[size])] = pointer;
                    Assert.True(tlb.TryFind(address, out ulong found, out int shift), "the newest entry is always there");
                    Assert.Equal((pointer, _shifts[size]), (found, shift));
                    pointer += 0x1000;
                }
                else
                {
                    tlb.Drop(address, address + bytes);
                    DropFrom(live, address, address + bytes);
                }

                foreach ((int _, ulong other, int _, ulong _) in steps)
                {
                    if (tlb.TryFind(other, out ulong found, out int shift))
                        Assert.Equal(live.GetValueOrDefault((shift, other >> shift)), found);
                }
            }

            tlb.DropAll();
            foreach ((int _, ulong other, int _, ulong _) in steps)
                Assert.False(tlb.TryFind(other, out _, out _));
        }, iter: 40);

    [Fact]
    public void FourBlocksOfOneSetLiveTogetherAndTheFifthPushesTheOldestOut()
    {
        SoftwareGpuTlb tlb = new();
        for (ulong i = 0; i < 5; i++)
            tlb.Insert(i << (12 + 7), SoftwareGpuPageClass.Small, (i + 1) << 12); // 128 sets.
        Assert.False(tlb.TryFind(0, out _, out _));
        for (ulong i = 1; i < 5; i++)
            Assert.True(tlb.TryFind(i << 19, out _, out _));
    }

    [Fact]
    public void ALogThatWasOverrunDropsEverything()
    {
        SoftwareGpuTlb tlb = new();
        SoftwareGpuInvalidationLog log = new();
        tlb.Insert(0x5000, SoftwareGpuPageClass.Small, 0x9000);
        AddressRange elsewhere = AddressRange.OfPages(new VirtualAddress(0x100_0000), 1);
        ulong number = 0;
        for (int i = 0; i < 3; i++)
            number = log.AppendLocked(elsewhere);
        ulong seen = log.Apply(0, tlb);
        Assert.Equal(number, seen);
        Assert.True(tlb.TryFind(0x5000, out _, out _)); // Only what the entries name.
        for (int i = 0; i < SoftwareGpuInvalidationLog.Capacity; i++)
            number = log.AppendLocked(elsewhere);
        Assert.Equal(number, log.Apply(seen, tlb));
        Assert.False(tlb.TryFind(0x5000, out _, out _));
    }

    private static void DropFrom(Dictionary<(int Shift, ulong Number), ulong> live, ulong start, ulong end)
    {
        foreach ((int shift, ulong number) in live.Keys.ToArray())
        {
            if (number << shift < end && start < (number + 1) << shift)
                live.Remove((shift, number));
        }
    }
}
