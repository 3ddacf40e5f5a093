// SPDX-License-Identifier: MIT
using System.Globalization;
using System.Text;
using GpuSvm.Lab.Replay;
using GpuSvm.Lab.Studies;
using GpuSvm.Lab.Workloads;

namespace GpuSvm.Lab.Tests;

/// <summary>docs/reproduced.md and its pictures, made of replays.</summary>
internal static class ReproducedPage
{
    private const int Pages = 3072;
    private const long HotspotBytes = 12 << 20;
    private const int Seeds = 8;

    private static readonly ReplayPolicies _onDemand = new() { Chunk = "4K" };
    private static readonly ReplayPolicies _random = new() { Chunk = "4K", Prefetch = "random" };
    private static readonly ReplayPolicies _local = new() { Chunk = "64K" };
    private static readonly ReplayPolicies _tree = new() { Chunk = "64K", Prefetch = "tree" };

    /// <summary>Makes the files.</summary>
    /// <returns>Paths below docs, with what is in them.</returns>
    public static IReadOnlyDictionary<string, string> Make()
    {
        FaultWalk onDemand = Hotspot(_onDemand), random = Hotspot(_random), local = Hotspot(_local), tree = Hotspot(_tree);
        double[] drawn = [.. Enumerable.Range(1, Seeds).Select(seed => (double)Hotspot(_random with { Seed = seed }).PagesAtFault.Count)];
        int convolution = FaultWalk.Of("2dconv", 8 << 20, _tree).PagesAtFault.Count;
        ulong first = tree.Order.Min() & ~511UL;
        int[] order = [.. Enumerable.Range(0, 32).Select(part => tree.BroughtBy[first + (ulong)(part * 16)])];
        int[] faults = [.. order.Distinct().Order()];
        return new Dictionary<string, string>
        {
            ["reproduced.md"] = Text(onDemand.PagesAtFault.Count, drawn, local.PagesAtFault.Count, tree.PagesAtFault.Count, convolution),
            ["pictures/hotspot-faults.svg"] = FaultPictures.Walk(
                [("on demand, 4 KiB", onDemand.PagesAtFault), ("random", random.PagesAtFault), ("sequential, 64 KiB", local.PagesAtFault), ("tree", tree.PagesAtFault)], Pages),
            ["pictures/tree-block.svg"] = FaultPictures.Tree([.. order.Select(fault => Array.IndexOf(faults, fault))]),
        };
    }

    /// <summary>The walk of hotspot, three arrays of 4 MiB touched once in order.</summary>
    private static FaultWalk Hotspot(ReplayPolicies policies) => FaultWalk.Of("hotspot", HotspotBytes, policies);

    /// <summary>The page.</summary>
    private static string Text(int onDemand, double[] random, int local, int tree, int convolution)
    {
        var page = new StringBuilder();
        page.Append(CultureInfo.InvariantCulture, $"""
            # A published result, reproduced

            <!-- Made by ReproducedPageTests in tests/GpuSvm.Lab.Tests; GPUSVM_WRITE_DOCS=1 writes it anew. -->

            Ganguly, Zhang, Yang and Melhem (ISCA 2019) publish how often a GPU faults under four ways to bring pages, as their simulator UVM Smart counts it. Here the same programs run as access patterns alone, through the page-fault handler, migration and policies that
            run on real memory; nothing of the result is given but the addresses.

            | program | brings | policies here | published | here |
            |---|---|---|---|---|
            | hotspot, 3 arrays of 4 MiB | the page (on demand) | `--chunk 4K` | 3072 | {onDemand} |
            | | and a page drawn from the 2 MiB (random) | `--chunk 4K --prefetch random` | 2137 | {random.Average():0} ({random.Min()} to {random.Max()} over {Seeds} seeds) |
            | | its 64 KiB (sequential-local) | `--chunk 64K` | 192 | {local} |
            | | and what the tree finds half full (tree-based neighbourhood) | `--chunk 64K --prefetch tree` | 36 | {tree} |
            | 2DCONV, 2 arrays of 4 MiB | the same | `--chunk 64K --prefetch tree` | 24 | {convolution} |

            `gpusvm replay hotspot --chunk 64K --prefetch tree` shows one of them; `gpusvm compare` takes further workloads, oversubscription and pairs of eviction and prefetch by flag.

            ![far faults over pages touched](pictures/hotspot-faults.svg)

            Why these numbers: on demand each of the 3072 pages faults, and with 64 KiB one in sixteen. The tree costs six faults for each 2 MiB walked in order, at its parts 0, 1, 2, 4, 8 and 16 of 64 KiB: each time more than half of the next larger part is there, and it comes whole. Random
            ends at ln 2 of on demand ({Pages * Math.Log(2):0}): `RandomPrefetch` says why.

            ![which fault brings which part of a block](pictures/tree-block.svg)

            ## What differs between their model and ours

            * They simulate the pipelines, caches and TLBs of a GTX 1080 Ti, with thousands of warps under way; here groups of lanes run one after the other, and a fault is served before the next access. The faults of these programs hardly depend on it: they go through their arrays in order.
            * A page drawn at random is not brought if it is there already, and then nothing is. Drawing among the missing pages alone would come to {Pages / 2} faults; the published {2137} fit the former.
            * The tree is that of NVIDIA's driver: what is more than 51 % there comes whole, counted before anything is brought for that reason. In order of addresses another way to count makes no difference. With every page touched once in an order of chance (`shuffle`) ours takes about {Shuffled()} faults for 12 MiB; a tree that also counts what it is about to bring would take fewer, and which of the two the simulator has shows there only.
            * Hotspot here reads the rows above and below as well, so a page is first touched a row before its turn.
            * Times are modelled by adding up ([replay.md](replay.md)); theirs come from a simulated pipeline. They are not compared here.

            ## Oversubscribed

            Hotspot with 4 time steps, 12 MiB, chunks of 64 KiB, thrash policy none, cost model `uvm-smart`. The authors publish such figures for more programs and eviction policies; theirs evict by 4 KiB, 64 KiB and 2 MiB, ours by what came together, so these are for comparison among themselves.

            | touched for each byte of device memory | prefetch / evict | far faults | MiB in | MiB out | evicted pages | came back | modelled ms |
            |---|---|---|---|---|---|---|---|

            """);
        foreach (StudyGroup group in Study.Group(Oversubscribed()))
        {
            page.Append(CultureInfo.InvariantCulture, $"| {group.Cell.Oversubscription:0.00} | {group.Cell.Prefetch} / {group.Cell.Evict} | {group.Mean(result => result.DeviceFaults):0} | {group.Mean(result => result.BytesToDevice / 1048576.0):0.0} ");
            page.Append(CultureInfo.InvariantCulture, $"| {group.Mean(result => result.BytesToHost / 1048576.0):0.0} | {group.Mean(result => result.EvictedPages):0} | {group.Mean(result => result.ThrashedPages):0} | {group.Mean(result => result.ModelledNanoseconds * 1e-6):0.0} |\n");
        }

        return page.ToString().ReplaceLineEndings("\n");
    }

    /// <summary>The faults of the tree where pages are touched in an order of chance: the mean of some orders.</summary>
    private static string Shuffled() => Enumerable.Range(1, Seeds)
        .Average(seed =>
        {
            IWorkload workload = WorkloadKinds.Find("shuffle")!.Create(new WorkloadOptions { Bytes = HotspotBytes, Seed = (ulong)seed });
            return new ReplaySettings { Policies = _tree }.Run(workload).DeviceFaults;
        })
        .ToString("0", CultureInfo.InvariantCulture);

    /// <summary>The study of the last table.</summary>
    private static IReadOnlyList<StudyRow> Oversubscribed()
    {
        var plan = new StudyPlan
        {
            Workloads = ["hotspot"],
            Iterations = 4,
            Oversubscriptions = [1, 1.1, 1.25, 1.5],
            Prefetches = ["none", "tree"],
            Evictions = ["unused", "fault-order", "random", "tree"],
            Thrashes = ["none"],
        };
        return Study.Run(
            [.. plan.Cells()], [], cell => WorkloadKinds.Find(cell.Workload)!.Create(new WorkloadOptions { Bytes = cell.SizeBytes, Iterations = cell.Iterations }), 2, _ => { }, CancellationToken.None);
    }
}
