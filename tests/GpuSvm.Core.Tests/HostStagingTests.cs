// SPDX-License-Identifier: MIT
using CsCheck;
using GpuSvm.Core.Host;

namespace GpuSvm.Core.Tests;

/// <summary>The presence mask of a staging block against an array of booleans.</summary>
public sealed class HostStagingTests
{
    private sealed class Block : HostStaging;

    [Fact]
    public void EveryHistoryOfMarksAnswersAsAnArrayOfBooleansDoes() =>
        Gen.Select(Gen.Int[0, 511], Gen.Int[1, 512], Gen.Bool).Array[1, 20].Sample(marks =>
        {
            var block = new Block();
            var model = new bool[512];
            foreach ((int first, int count, bool present) in marks)
            {
                int pages = Math.Min(count, 512 - first);
                block.SetPresent(first, pages, present);
                Array.Fill(model, present, first, pages);
                for (int page = 0; page < 512; page += 37)
                {
                    int limit = Math.Min(512, page + count);
                    int run = 1;
                    while (page + run < limit && model[page + run] == model[page])
                        run++;
                    if (block.IsPresent(page) != model[page] || block.RunLength(page, limit) != run)
                        return false;
                }
            }

            return true;
        });
}
