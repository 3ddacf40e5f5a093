// SPDX-License-Identifier: MIT
using System.Globalization;

namespace GpuSvm.Core.Tests;

/// <summary>A day's worth of everything that can happen, compressed by a clock of the test's own, with every byte compared with the obvious model. docs/testing.md says how to play longer.</summary>
public sealed class DayTests
{
    private const int DefaultSeed = 1;
    private const int DefaultDays = 2;

    [Fact]
    public void EveryDayReadsAsPlainMemoryWould()
    {
        int first = Number("GPUSVM_HISTORY_SEED", DefaultSeed), days = Number("GPUSVM_HISTORY_SCALE", DefaultDays);
        for (int seed = first; seed < first + days; seed++)
        {
            DaySettings settings = DaySettings.Draw(seed);
            List<DayOperation> operations = DayPlan.Draw(seed);
            TestContext.Current.SendDiagnosticMessage($"seed {seed}: {operations.Count} operations on {settings}");
            if (DayRun.Play(settings, operations) is { } failure)
                Assert.Fail(Describe(seed, settings, operations, failure));
        }
    }

    private static string Describe(int seed, DaySettings settings, List<DayOperation> operations, DayFailure failure)
    {
        List<DayOperation> shortest = DayShrinker.Shrink(settings, operations[..Math.Min(failure.Number + 1, operations.Count)], failure, out DayFailure last);
        return $"GPUSVM_HISTORY_SEED={seed}, operation {failure.Number} of {operations.Count}, on {settings}{Environment.NewLine}{failure.Exception}{Environment.NewLine}The last operations:{Environment.NewLine}"
            + $"{string.Join(Environment.NewLine, failure.Lines)}{Environment.NewLine}{Environment.NewLine}Made as short as it would become, {shortest.Count} operations:{Environment.NewLine}"
            + $"{string.Join(Environment.NewLine, shortest.TakeLast(60))}{Environment.NewLine}{string.Join(Environment.NewLine, last.Lines)}{Environment.NewLine}{last.Exception.Message}";
    }

    private static int Number(string variable, int otherwise) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
