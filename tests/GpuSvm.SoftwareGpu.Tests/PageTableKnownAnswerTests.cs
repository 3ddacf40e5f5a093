// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;

namespace GpuSvm.SoftwareGpu.Tests;

/// <summary>
/// The page table against answers known beforehand. A case is a row of steps over four blocks of 2 MiB, pages numbered from 0:
/// <c>+P:o</c> writes a mapping of order o at page P, its target aligned like its address; <c>+P:o@t</c> shifts the target by t pages; <c>-P*n=Q*m</c> zaps n pages from P and
/// expects to be told that m pages from Q were there (<c>-P*n=0</c>: none); <c>#h/m/s</c> expects so many translations of 2 MiB, 64 KiB and 4 KiB.
/// </summary>
public sealed class PageTableKnownAnswerTests : IDisposable
{
    private const int Pages = 4 * 512;
    private const ulong TargetBase = 0x40_0000_0000;
    private static readonly VirtualAddress _base = new(0x7f12_4000_0000);

    private readonly SoftwareGpuDevice _device = new(new SoftwareGpuOptions { MemoryBytes = 8 << 20, ComputeUnits = 1 });
    private readonly SoftwareGpuPageTable _table;

    public PageTableKnownAnswerTests() => _table = _device.CreatePageTable(out _);

    public void Dispose()
    {
        _table.Dispose();
        _device.Dispose();
    }

    [Theory]
    // One entry of each size, gone again.
    [InlineData("#0/0/0 -0*2048=0 #0/0/0")]
    [InlineData("+0:0 #0/0/1 -0*1=0*1 #0/0/0")]
    [InlineData("+511:0 #0/0/1 -511*1=511*1 #0/0/0")]
    [InlineData("+16:4 #0/1/0 -16*16=16*16 #0/0/0")]
    [InlineData("+496:4 #0/1/0 -496*16=496*16 #0/0/0")]
    [InlineData("+0:9 #1/0/0 -0*512=0*512 #0/0/0")]
    [InlineData("+1536:9 #1/0/0 -1536*512=1536*512 #0/0/0")]
    // What is zapped twice is gone once.
    [InlineData("+0:9 -0*512=0*512 -0*512=0")]
    [InlineData("+3:0 -3*1=3*1 -3*1=0 -0*2048=0")]
    // A mapping becomes as few entries as its alignment allows.
    [InlineData("+0:3 #0/0/8")]
    [InlineData("+0:5 #0/2/0")]
    [InlineData("+0:8 #0/16/0")]
    [InlineData("+8:4 #0/0/16")] // Its address is not a multiple of 64 KiB: neither half makes one.
    [InlineData("+8:5 #0/1/16")] // But 16 pages in its middle do.
    [InlineData("+1:8 #0/15/16")]
    [InlineData("+0:4@1 #0/0/16")] // Its target is not.
    [InlineData("+0:5@8 #0/0/32")]
    [InlineData("+0:9@1 #0/0/512")]
    [InlineData("+0:9@16 #0/32/0")] // 64 KiB fit both sides, 2 MiB do not.
    [InlineData("+0:9@256 #0/32/0")]
    [InlineData("+0:9@512 #1/0/0")]
    // 16 small neighbours stay small; one mapping over them is one entry.
    [InlineData("+0:0 +1:0 +2:1 +4:2 +8:3 #0/0/16 +0:4 #0/1/0 -7*1=0*16")]
    [InlineData("+0:4 +16:4 +32:5 +64:6 +128:7 +256:8 #0/32/0 +0:9 #1/0/0 -300*1=0*512")]
    // Zapping a part takes the whole entry, and says so.
    [InlineData("+0:9 -0*1=0*512 #0/0/0")]
    [InlineData("+0:9 -511*1=0*512 #0/0/0")]
    [InlineData("+512:9 -600*10=512*512 #0/0/0")]
    [InlineData("+16:4 -20*1=16*16 #0/0/0")]
    [InlineData("+16:4 -31*1=16*16 #0/0/0")]
    [InlineData("+0:5 -15*2=0*32 #0/0/0")]
    [InlineData("+0:5 -15*1=0*16 #0/1/0")]
    [InlineData("+0:3 -2*3=2*3 #0/0/5")]
    // The window reaches from the first entry that was there to the last, over holes and blocks.
    [InlineData("+5:0 +100:0 -0*512=5*96 #0/0/0")]
    [InlineData("+5:0 +100:0 -6*512=100*1 #0/0/1")]
    [InlineData("+511:0 +512:0 -0*2048=511*2 #0/0/0")]
    [InlineData("+0:9 +512:9 +1024:9 -100*1000=0*1536 #0/0/0")]
    [InlineData("+0:9 +512:9 +1024:9 -512*512=512*512 #2/0/0")]
    [InlineData("+0:9 +1536:9 -0*2048=0*2048 #0/0/0")]
    [InlineData("+500:0 +512:9 +1040:4 -505*540=512*544 #0/0/1")]
    [InlineData("+500:0 +512:9 +1040:4 -500*540=500*524 #0/1/0")]
    [InlineData("+500:0 +512:9 +1040:4 -0*2048=500*556 #0/0/0")]
    // A smaller write over a larger entry leaves the rest of it standing, in pieces.
    [InlineData("+0:9 +7:0 #0/0/512 -7*1=7*1 #0/0/511")]
    [InlineData("+0:9 +16:4 #0/1/496 -0*16=0*16 #0/1/480")]
    [InlineData("+0:4 +3:0 #0/0/16 -3*1=3*1 #0/0/15")]
    [InlineData("+0:9 +7:0 +0:9 #1/0/0 -511*1=0*512 #0/0/0")]
    [InlineData("+0:9 +7:0 -0*512=0*512 #0/0/0 +0:4 #0/1/0")]
    // Promotion: small ones give way to a large one, which goes whole, and none comes back from under it.
    [InlineData("+1:0 +17:0 +0:9 #1/0/0 -9*1=0*512 #0/0/0 -0*512=0")]
    [InlineData("+1:0 +0:4 #0/1/0 -1*1=0*16 #0/0/0")]
    [InlineData("+0:9@16 +0:9 #1/0/0 +0:9@16 #0/32/0 -0*512=0*512 #0/0/0")]
    // Blocks next to each other do not touch each other.
    [InlineData("+0:9 +512:0 #1/0/1 -0*512=0*512 #0/0/1 -512*1=512*1")]
    [InlineData("+511:0 +512:4 -511*1=511*1 #0/1/0 -527*1=512*16 #0/0/0")]
    public void StepsLeaveAndAnswerWhatIsKnown(string steps)
    {
        foreach (string step in steps.Split(' '))
        {
            string[] parts = step[1..].Split('=', '*', ':', '@', '/');
            int[] numbers = Array.ConvertAll(parts, part => int.Parse(part, null));
            switch (step[0])
            {
                case '+':
                    Write(numbers[0], numbers[1], numbers.Length > 2 ? numbers[2] : 0);
                    break;
                case '-':
                    AddressRange zapped = _table.Zap(AddressRange.OfPages(At(numbers[0]), numbers[1]));
                    Assert.Equal(numbers.Length > 3 ? AddressRange.OfPages(At(numbers[2]), numbers[3]) : new AddressRange(At(numbers[0]), At(numbers[0])), zapped);
                    break;
                default:
                    Assert.Equal((numbers[0], numbers[1], numbers[2]), Count());
                    break;
            }
        }
    }

    /// <summary>Numbers of invalidations rise by one; nothing to drop has no number and is never waited for.</summary>
    [Fact]
    public void InvalidationsAreNumberedAndEmptyOnesAreNot()
    {
        Write(0, 9, 0);
        Assert.Equal(0UL, _table.StartTlbInvalidation(_table.Zap(AddressRange.OfPages(At(512), 512))));
        Assert.Equal(1UL, _table.StartTlbInvalidation(_table.Zap(AddressRange.OfPages(At(3), 1))));
        Assert.Equal(0UL, _table.StartTlbInvalidation(_table.Zap(AddressRange.OfPages(At(3), 1))));
        Assert.Equal(2UL, _table.StartTlbInvalidation(AddressRange.OfPages(At(0), 1)));
        Assert.Equal(2, _table.Invalidations);
        _table.WaitTlbInvalidation(0);
        _table.WaitTlbInvalidation(2); // No unit runs: nobody is waited for.
        Assert.Equal(0, _table.Barriers);
    }

    /// <summary>What a unit has missed is dropped piece by piece while it is little, and all at once when it is more than half of what the log keeps.</summary>
    [Theory]
    [InlineData(0, true)]
    [InlineData(1, true)]
    [InlineData(SoftwareGpuInvalidationLog.Capacity / 2 - 1, true)]
    [InlineData(SoftwareGpuInvalidationLog.Capacity / 2, false)]
    [InlineData(SoftwareGpuInvalidationLog.Capacity, false)]
    [InlineData(10 * SoftwareGpuInvalidationLog.Capacity, false)]
    public void ManyInvalidationsTurnIntoOneOfEverything(int missed, bool kept)
    {
        SoftwareGpuTlb tlb = new();
        SoftwareGpuInvalidationLog log = new();
        tlb.Insert(At(3).Value, SoftwareGpuPageClass.Small, 0x9000);
        tlb.Insert(At(512).Value, SoftwareGpuPageClass.Huge, 0xa00000);
        ulong newest = 0;
        for (int i = 0; i < missed; i++)
            newest = log.AppendLocked(AddressRange.OfPages(At(600), 1)); // Inside the 2 MiB entry only.
        Assert.Equal(newest, log.Apply(0, tlb));
        Assert.Equal(kept, tlb.TryFind(At(3).Value, out _, out _));
        Assert.Equal(missed == 0, tlb.TryFind(At(512).Value, out _, out _));
    }

    private static VirtualAddress At(int page) => _base + (long)page * PageSize.Bytes;

    private void Write(int page, int order, int shift)
    {
        for (int block = page & ~511; block < page + (1 << order); block += 512)
            Assert.Equal(SvmStatus.Done, _table.Prepare(AddressRange.OfPages(At(block), 512)));
        ulong target = TargetBase + (ulong)(page + shift) * PageSize.Bytes;
        _table.Write(At(page), [new DeviceAddress(target, AddressProtocol.System, new PageOrder((byte)order), writable: true)]);
        for (int i = 0; i < 1 << order; i++)
            Assert.Equal(target + (ulong)i * PageSize.Bytes, _table.Lookup(At(page + i)).Address);
    }

    /// <summary>How many translations of each size there are.</summary>
    private (int Huge, int Medium, int Small) Count()
    {
        int[] pages = new int[3];
        for (int page = 0; page < Pages; page++)
        {
            if (_table.LookupSize(At(page)) is { } size)
                pages[(int)size]++;
        }

        return (pages[(int)SoftwareGpuPageClass.Huge] / 512, pages[(int)SoftwareGpuPageClass.Medium] / 16, pages[(int)SoftwareGpuPageClass.Small]);
    }
}
