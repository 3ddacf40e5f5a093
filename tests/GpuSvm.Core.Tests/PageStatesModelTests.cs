// SPDX-License-Identifier: MIT
using CsCheck;

namespace GpuSvm.Core.Tests;

/// <summary>Random sequences of claims, settles, drops, moves and exclusive holds against <see cref="PageStatesModel"/>.</summary>
public sealed class PageStatesModelTests
{
    [Fact]
    public void WhateverHappensToPagesTheirNumbersStayRight() =>
        Gen.Select(Gen.Int[0, 11], Gen.Int[0, PageStatesModel.Pages - 1], Gen.Int[1, 16]).Array[1, 80].Sample(
            steps =>
            {
                using var model = new PageStatesModel();
                model.Step(0, 0, 24); // Two mappings to begin with.
                model.Step(0, 24, 24);
                foreach ((int kind, int page, int count) in steps)
                    model.Step(kind, page, count);
                model.Finish();
            },
            iter: 400,
            threads: 1);
}
