// SPDX-License-Identifier: MIT
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Core.Tests;

/// <summary>Draws a day's history from a seed.</summary>
internal static class DayPlan
{
    /// <summary>How long the history lasts.</summary>
    public static readonly TimeSpan Day = TimeSpan.FromHours(24);

    private static readonly (DayOperationKind Kind, int Weight)[] _weights =
    [
        (DayOperationKind.CpuRead, 12), (DayOperationKind.CpuWrite, 14), (DayOperationKind.CpuAdd, 5),
        (DayOperationKind.GpuRead, 20), (DayOperationKind.GpuWrite, 22), (DayOperationKind.GpuAdd, 8),
        (DayOperationKind.PrefetchToDevice, 6), (DayOperationKind.PrefetchToSystem, 3), (DayOperationKind.PrefetchInBackground, 2),
        (DayOperationKind.Advise, 6), (DayOperationKind.Unadvise, 4),
        (DayOperationKind.Map, 5), (DayOperationKind.Unmap, 2), (DayOperationKind.Remap, 2), (DayOperationKind.Protect, 4), (DayOperationKind.Discard, 3),
        (DayOperationKind.Allocate, 1), (DayOperationKind.Free, 1),
        (DayOperationKind.BindUserptr, 2), (DayOperationKind.UseUserptr, 5), (DayOperationKind.UnbindUserptr, 1),
        (DayOperationKind.EvictOne, 2), (DayOperationKind.EvictAll, 1), (DayOperationKind.Shrink, 1), (DayOperationKind.ChangeEviction, 1),
        (DayOperationKind.Job, 4), (DayOperationKind.Query, 3),
    ];

    private static readonly InjectionPoint[] _points = Enum.GetValues<InjectionPoint>();

    private static readonly int _total = _weights.Sum(one => one.Weight);

    /// <summary>Draws operations until a day has passed.</summary>
    /// <param name="seed">The seed.</param>
    public static List<DayOperation> Draw(int seed)
    {
        var random = new Random(seed);
        var operations = new List<DayOperation>();
        for (TimeSpan time = default; time < Day;)
        {
            DayOperation operation = Next(random);
            operations.Add(operation);
            time += operation.Pause;
        }

        return operations;
    }

    private static DayOperation Next(Random random)
    {
        bool fails = random.Next(25) == 0;
        return new DayOperation(
            Kind(random.Next(_total)),
            random.Next(3),
            random.Next(2) == 0 ? Hot(random) : random.Next(DayRun.Pages),
            random.Next(4) switch { 0 => 1 + random.Next(600), 1 => 1 + random.Next(40), _ => 1 + random.Next(5) },
            random.Next(),
            Pause(random),
            fails ? _points[random.Next(_points.Length)] : null,
            1 + random.Next(random.Next(2) == 0 ? 2 : 12));
    }

    /// <summary>Half of everything happens around a few places, so that sides meet.</summary>
    private static int Hot(Random random) => (random.Next(4) * DayRun.Pages / 4) + random.Next(48);

    /// <summary>Quarrels of microseconds and rests of minutes; about ten seconds on average.</summary>
    private static TimeSpan Pause(Random random) => random.Next(20) switch
    {
        < 10 => TimeSpan.FromMicroseconds(random.Next(1, 1000)),
        < 16 => TimeSpan.FromMilliseconds(random.Next(1, 1000)),
        < 19 => TimeSpan.FromMilliseconds(random.Next(1000, 30_000)),
        _ => TimeSpan.FromSeconds(random.Next(30, 300)),
    };

    private static DayOperationKind Kind(int drawn)
    {
        foreach ((DayOperationKind kind, int weight) in _weights)
        {
            drawn -= weight;
            if (drawn < 0)
                return kind;
        }

        throw new ArgumentOutOfRangeException(nameof(drawn));
    }
}
