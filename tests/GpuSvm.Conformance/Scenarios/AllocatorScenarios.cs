// SPDX-License-Identifier: MIT
using GpuSvm.Core.Host;
using GpuSvm.Core.Vm;

namespace GpuSvm.Conformance.Scenarios;

/// <summary>Ordinary memory that devices use: shapes of use by what else happens to the memory between the uses. Generated.</summary>
public static class AllocatorScenarios
{
    private static readonly Part _a = new("A", ..);

    /// <summary>Shapes: rounds of use, pages of the memory, bytes from one element to the next, devices' threads at once.</summary>
    private static readonly (string Name, int Rounds, int Pages, int Every, int Threads)[] _shapes =
    [
        ("Once", 1, 1, 4096, 1), ("OnceLarge", 1, 512, 4096, 1), ("Twice", 2, 1, 4096, 1), ("TwiceLarge", 2, 512, 4096, 1), ("Many", 6, 1, 160, 1),
        ("ManyByStrides", 6, 8, 256, 1), ("ManyOddPages", 4, 37, 1160, 1), ("ManyOf64K", 6, 16, 4096, 1), ("ManyLarge", 4, 512, 4096, 1),
        ("ManyByThreads", 3, 32, 512, 4), ("ManyLargeByThreads", 2, 1024, 4096, 2),
    ];

    /// <summary>Who touches the memory first.</summary>
    private static readonly string[] _firsts = ["", "TouchedFirstByTheDevice"];

    /// <summary>How long the memory lives.</summary>
    private static readonly string[] _lives = ["", "NewEachTime", "FreedEachTime"];

    /// <summary>What comes before each use.</summary>
    private static readonly string[] _befores = ["", "Prefetched", "AdvisedToAndFro"];

    /// <summary>How the device stores.</summary>
    private static readonly string[] _stores = ["", "Atomically", "AfterOthersLeft"];

    /// <summary>What comes after each use.</summary>
    private static readonly string[] _afters = ["", "Moved", "MappedAnew", "GivenUp", "Evicted", "TriedByAChild"];

    /// <summary>The scenarios: every shape with every pair of "what else", so that any two things meet in any shape.</summary>
    public static IEnumerable<Scenario> All =>
        from shape in _shapes
        from first in _firsts
        from life in _lives
        from before in _befores
        from store in _stores
        from after in _afters
        let others = new[] { first, life, before, store, after }.Count(what => what.Length > 0)
        where others <= 2 && (life.Length == 0 || after.Length == 0)
        select Make(shape, first, life, before, store, after);

    /// <summary>Makes one scenario.</summary>
    /// <param name="shape">The shape.</param>
    /// <param name="first">Who touches first.</param>
    /// <param name="life">How long memory lives.</param>
    /// <param name="before">What comes before each use.</param>
    /// <param name="store">How the device stores.</param>
    /// <param name="after">What comes after each use.</param>
    /// <returns>The scenario.</returns>
    private static Scenario Make(
        (string Name, int Rounds, int Pages, int Every, int Threads) shape, string first, string life, string before, string store, string after)
    {
        var steps = new List<Step>();
        for (int round = 0; round < shape.Rounds; round++)
        {
            Part memory = life == "NewEachTime" ? new Part($"A{round}", ..) : _a;
            bool isNew = round == 0 || life.Length > 0;
            if (isNew)
                steps.Add(new Step.Map(memory, shape.Pages));
            if (isNew && first.Length == 0)
                steps.Add(new Step.CpuWrite(memory, Seed: 1, shape.Every));
            Prepare(steps, memory, before, shape.Pages, round);
            steps.AddRange(Stores(memory, shape, store, round));
            steps.Add(new Step.CpuRead(memory, shape.Every, Offset: round * 8));
            Finish(steps, memory, after);
            if (life == "FreedEachTime")
                steps.Add(new Step.Free(memory));
        }

        string[] covered = ["igt allocator shapes", .. new[] { first, life, before, store, after }.Where(what => what.Length > 0).Select(what => $"igt allocator {what}")];
        return new Scenario(string.Concat(shape.Name, first, life, before, store, after), string.Join("; ", covered), [.. steps])
        {
            Needs = after is "Moved" or "MappedAnew" ? HostMemoryCapabilities.Remaps : 0,
            NeedsChildren = after == "TriedByAChild",
        };
    }

    /// <summary>What comes before a use.</summary>
    private static void Prepare(List<Step> steps, Part memory, string before, int pages, int round)
    {
        if (before == "Prefetched")
        {
            steps.Add(new Step.Evict());
            steps.Add(new Step.Prefetch(memory, MovedPages: pages));
            steps.Add(new Step.Placed(memory, PagePlace.Device));
        }
        else if (before == "AdvisedToAndFro")
        {
            MemoryAdvice advice = new() { Preferred = round % 2 == 0 ? PreferredLocation.System : PreferredLocation.OnDevice(0) };
            steps.Add(new Step.Advise(memory, advice));
            steps.Add(new Step.Advised(memory, advice));
        }
    }

    /// <summary>The stores of one use.</summary>
    private static IEnumerable<Step> Stores(Part memory, (string Name, int Rounds, int Pages, int Every, int Threads) shape, string store, int round)
    {
        int offset = round * 8;
        if (store == "AfterOthersLeft")
            yield return new Step.Evict();
        Step One(Part part) => store == "Atomically"
            ? new Step.GpuAdd(part, Amount: 1 + round, shape.Every, offset)
            : new Step.GpuWrite(part, Seed: 2 + round, shape.Every, offset);
        if (shape.Threads == 1)
        {
            yield return One(memory);
            yield break;
        }

        int share = shape.Pages / shape.Threads;
        yield return new Step.Together([.. Enumerable.Range(0, shape.Threads).Select(thread => new[] { One(memory[(thread * share)..((thread + 1) * share)]) })]);
    }

    /// <summary>What comes after a use.</summary>
    private static void Finish(List<Step> steps, Part memory, string after)
    {
        Step? step = after switch
        {
            "Moved" => new Step.Move(memory),
            "MappedAnew" => new Step.MapAnew(memory),
            "GivenUp" => new Step.DontNeed(memory),
            "Evicted" => new Step.Evict(),
            "TriedByAChild" => new Step.ChildGetsNothing(memory),
            _ => null,
        };
        if (step is null)
            return;
        steps.Add(new Step.GpuRead(memory)); // The CPU has just read, which brought everything home.
        steps.Add(step);
        if (after != "TriedByAChild")
            steps.Add(new Step.GpuRead(memory));
    }
}
