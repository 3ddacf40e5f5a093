// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Replay;

/// <summary>Policies by name: what a command line or a study says, and the options of a VM that are made of it. The default is the library's.</summary>
public sealed record ReplayPolicies
{
    private static readonly (string Name, Func<long, IPrefetchPolicy?> Create)[] _prefetch =
    [
        ("none", _ => null),
        ("random", seed => new RandomPrefetch(seed)),
        ("sequential", _ => new SequentialPrefetch()),
        ("tree", _ => new TreePrefetch()),
        ("stride", _ => new StridePrefetch()),
        ("adaptive", _ => new AdaptivePrefetch()),
        ("block", _ => new WholeRangePrefetch()),
    ];

    private static readonly (string Name, Func<long, IEvictionPolicy> Create)[] _evict =
    [
        ("unused", _ => new UseEviction()),
        ("fault-order", _ => new FaultOrderEviction()),
        ("fifo", _ => new FifoEviction()),
        ("clock", _ => new ClockEviction()),
        ("random", seed => new RandomEviction(seed)),
        ("tree", _ => new TreeEviction()),
    ];

    private static readonly (string Name, Func<IThrashPolicy?> Create)[] _thrash =
    [
        ("back-off", () => new BackOffThrash()),
        ("window", () => new WindowThrash()),
        ("none", () => null),
    ];

    private static readonly (string Name, Func<IPlacementPolicy> Create)[] _placement = [("first-touch", () => new FirstTouchPlacement()), ("system", () => new SystemPlacement())];

    private static readonly (string Name, PageOrder Order)[] _chunks = [("2M", PageOrder.Huge), ("64K", PageOrder.Medium), ("4K", PageOrder.Small)];

    /// <summary>The names of prefetch policies.</summary>
    public static IReadOnlyList<string> PrefetchNames { get; } = [.. _prefetch.Select(policy => policy.Name)];

    /// <summary>The names of eviction policies.</summary>
    public static IReadOnlyList<string> EvictNames { get; } = [.. _evict.Select(policy => policy.Name)];

    /// <summary>The names of thrash policies.</summary>
    public static IReadOnlyList<string> ThrashNames { get; } = [.. _thrash.Select(policy => policy.Name)];

    /// <summary>The names of placement policies.</summary>
    public static IReadOnlyList<string> PlacementNames { get; } = [.. _placement.Select(policy => policy.Name)];

    /// <summary>The names of sizes that move at once.</summary>
    public static IReadOnlyList<string> ChunkNames { get; } = [.. _chunks.Select(chunk => chunk.Name)];

    /// <summary>The largest piece that moves at once.</summary>
    public string Chunk { get; init; } = "2M";

    /// <summary>What comes with a fault.</summary>
    public string Prefetch { get; init; } = "none";

    /// <summary>What leaves a full device.</summary>
    public string Evict { get; init; } = "unused";

    /// <summary>What becomes of what goes to and fro.</summary>
    public string Thrash { get; init; } = "back-off";

    /// <summary>Whether what a device touches moves to it.</summary>
    public string Placement { get; init; } = "first-touch";

    /// <summary>For the policies that draw by chance.</summary>
    public long Seed { get; init; } = 1;

    /// <summary>Makes the policies: new ones each time, because some remember.</summary>
    /// <returns>The options.</returns>
    /// <exception cref="ArgumentException">There is no policy of a name; the message has those that there are.</exception>
    public GpuVmOptions Create()
    {
        PageOrder largest = Find(_chunks, chunk => chunk.Name, Chunk, "size of chunks").Order;
        return new GpuVmOptions
        {
            ChunkOrders = [.. _chunks.Select(chunk => chunk.Order).Where(order => order.CompareTo(largest) <= 0)],
            Prefetch = Find(_prefetch, policy => policy.Name, Prefetch, "prefetch policy").Create(Seed),
            Eviction = Find(_evict, policy => policy.Name, Evict, "eviction policy").Create(Seed),
            Placement = Find(_placement, policy => policy.Name, Placement, "placement policy").Create(),
            Thrash = Find(_thrash, policy => policy.Name, Thrash, "thrash policy").Create(),
        };
    }

    /// <summary>The policies of a recorded run, as far as a replay has them: what is not known here is the default.</summary>
    /// <param name="recorded">The run.</param>
    /// <returns>The policies.</returns>
    public static ReplayPolicies Of(RecordedSettings recorded)
    {
        var defaults = new ReplayPolicies();
        return new ReplayPolicies
        {
            Chunk = ChunkNames.Contains(recorded.Chunk) ? recorded.Chunk : defaults.Chunk,
            Prefetch = PrefetchNames.Contains(recorded.Prefetch) ? recorded.Prefetch : defaults.Prefetch,
            Evict = EvictNames.Contains(recorded.Evict) ? recorded.Evict : defaults.Evict,
            Thrash = ThrashNames.Contains(recorded.Thrash) ? recorded.Thrash : defaults.Thrash,
            Placement = recorded.Migrates ? defaults.Placement : _placement[1].Name,
        };
    }

    /// <summary>The order of a size of pieces.</summary>
    /// <param name="name">One of <see cref="ChunkNames"/>.</param>
    /// <returns>The order; of another name the largest.</returns>
    internal static PageOrder OrderOf(string name) => Array.Find(_chunks, chunk => chunk.Name == name) is { Name: not null } found ? found.Order : PageOrder.Huge;

    /// <summary>The policies in a few words.</summary>
    /// <returns>"chunk 2M, prefetch tree, evict unused, thrash back-off, placement first-touch".</returns>
    public override string ToString() => $"chunk {Chunk}, prefetch {Prefetch}, evict {Evict}, thrash {Thrash}, placement {Placement}";

    /// <summary>Finds a policy.</summary>
    /// <typeparam name="T">What it is listed as.</typeparam>
    /// <param name="all">Those there are.</param>
    /// <param name="nameOf">Their names.</param>
    /// <param name="name">The name.</param>
    /// <param name="what">What it is, for the message.</param>
    /// <returns>The policy.</returns>
    private static T Find<T>(IReadOnlyList<T> all, Func<T, string> nameOf, string name, string what)
    {
        foreach (T candidate in all)
        {
            if (nameOf(candidate) == name)
                return candidate;
        }

        throw new ArgumentException($"There is no {what} \"{name}\": choose {string.Join(", ", all.Select(nameOf))}.");
    }
}
