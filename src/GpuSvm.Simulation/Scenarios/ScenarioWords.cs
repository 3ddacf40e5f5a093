// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Simulation.Scenarios;

/// <summary>The words of operations that are no accesses, and what belongs to each.</summary>
internal static class ScenarioWords
{
    private static readonly Dictionary<string, ScenarioVerb> _verbs = new()
    {
        ["unmap"] = ScenarioVerb.Unmap,
        ["map"] = ScenarioVerb.Map,
        ["protect"] = ScenarioVerb.Protect,
        ["discard"] = ScenarioVerb.Discard,
        ["remap"] = ScenarioVerb.Remap,
        ["share"] = ScenarioVerb.Share,
        ["fork"] = ScenarioVerb.Fork,
        ["free"] = ScenarioVerb.Free,
        ["prefetch"] = ScenarioVerb.Prefetch,
        ["evict"] = ScenarioVerb.Evict,
        ["collect"] = ScenarioVerb.Collect,
        ["advise"] = ScenarioVerb.Advise,
        ["exclusive"] = ScenarioVerb.Exclusive,
        ["unplug"] = ScenarioVerb.Unplug,
        ["use"] = ScenarioVerb.Use,
        ["job"] = ScenarioVerb.Job,
        ["end-job"] = ScenarioVerb.EndJob,
        ["expect"] = ScenarioVerb.Expect,
        ["exit"] = ScenarioVerb.Exit,
        ["reap"] = ScenarioVerb.Reap,
        ["get"] = ScenarioVerb.Get,
        ["put"] = ScenarioVerb.Put,
        ["shrink"] = ScenarioVerb.Shrink,
        ["sleep"] = ScenarioVerb.Sleep,
        ["inject"] = ScenarioVerb.Inject,
    };

    private static readonly Dictionary<ScenarioVerb, string[]> _arguments = new()
    {
        [ScenarioVerb.Protect] = ["none", "read", "write"],
        [ScenarioVerb.Advise] = ["read-mostly", "system", "device", "accessed-by", "never-migrate", "pinned", "nothing"],
        [ScenarioVerb.Sleep] = ["", "half"],
        [ScenarioVerb.Evict] = ["", "all"],
        [ScenarioVerb.Prefetch] = ["", "background"],
        [ScenarioVerb.Job] = ["", "read", "atomic"],
        [ScenarioVerb.Expect] = ["", "untouched", "unadvised"],
        [ScenarioVerb.Inject] = Enum.GetNames<InjectionPoint>(),
    };

    /// <summary>All of them, in order, with those of accesses.</summary>
    public static IEnumerable<string> All => _verbs.Keys.Concat(["cpu.read", "cpu.write", "cpu.add", "gpu.read", "gpu.write", "gpu.add"]).Order(StringComparer.Ordinal);

    /// <summary>The operation of a word.</summary>
    /// <param name="word">The word.</param>
    /// <returns>The operation; null for none.</returns>
    public static ScenarioVerb? VerbOf(string word) => _verbs.TryGetValue(word, out ScenarioVerb verb) ? verb : null;

    /// <summary>What an operation may answer where its line does not say it.</summary>
    /// <param name="verb">The operation.</param>
    /// <returns>The statuses.</returns>
    public static IReadOnlyList<SvmStatus> AllowedOf(ScenarioVerb verb) => verb switch
    {
        ScenarioVerb.Evict => [SvmStatus.Done, SvmStatus.Busy, SvmStatus.Retry, SvmStatus.OutOfDeviceMemory],
        ScenarioVerb.Prefetch => [SvmStatus.Done, SvmStatus.Busy, SvmStatus.Retry, SvmStatus.OutOfDeviceMemory],
        ScenarioVerb.Exclusive or ScenarioVerb.Use => [SvmStatus.Done, SvmStatus.Busy, SvmStatus.Retry],
        ScenarioVerb.Reap => [SvmStatus.Done, SvmStatus.Busy],
        ScenarioVerb.Put => [SvmStatus.Done, SvmStatus.InvalidHandle],
        _ => [SvmStatus.Done],
    };

    /// <summary>Whether an operation is one of a device: the first, where the line names none.</summary>
    /// <param name="verb">The operation.</param>
    /// <returns>True if so.</returns>
    public static bool NeedsDevice(ScenarioVerb verb) => verb is ScenarioVerb.Evict or ScenarioVerb.Exclusive or ScenarioVerb.Unplug or ScenarioVerb.Use or ScenarioVerb.Job;

    /// <summary>Checks what a line says.</summary>
    /// <param name="verb">The operation.</param>
    /// <param name="pages">The pages it names.</param>
    /// <param name="argument">What else it says.</param>
    /// <param name="memories">The memories.</param>
    /// <param name="line">The line, for messages.</param>
    /// <exception cref="ScenarioFormatException">Something is missing, or too much.</exception>
    public static void Check(ScenarioVerb verb, ScenarioPages pages, string argument, IReadOnlyList<(string Name, int Pages)> memories, int line)
    {
        string word = _verbs.First(pair => pair.Value == verb).Key;
        if (NeedsPages(verb) != (pages.Memory >= 0))
            throw new ScenarioFormatException(line, NeedsPages(verb) ? $"say on which pages: {word} A0, {word} A0-3 or {word} A." : $"'{word}' is not about pages.");
        if (verb == ScenarioVerb.Remap)
            _ = ScenarioReader.ParsePages(argument, memories, line);
        else if (_arguments.TryGetValue(verb, out string[]? choices) ? !choices.Contains(argument) : argument.Length > 0)
            throw new ScenarioFormatException(line, choices is null ? $"'{argument}' means nothing to {word}." : $"'{argument}' means nothing to {word}: choose {string.Join(", ", choices.Where(choice => choice.Length > 0))}.");
    }

    /// <summary>Whether an operation is about pages.</summary>
    /// <param name="verb">The operation.</param>
    /// <returns>True if so.</returns>
    private static bool NeedsPages(ScenarioVerb verb) => verb is ScenarioVerb.Unmap or ScenarioVerb.Map or ScenarioVerb.Protect or ScenarioVerb.Discard or ScenarioVerb.Remap or ScenarioVerb.Share
        or ScenarioVerb.Free or ScenarioVerb.Prefetch or ScenarioVerb.Advise or ScenarioVerb.Exclusive or ScenarioVerb.Use or ScenarioVerb.Job
        or ScenarioVerb.Expect;
}
