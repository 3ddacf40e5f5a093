// SPDX-License-Identifier: MIT
using System.Globalization;
using System.Text.RegularExpressions;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Vm;

namespace GpuSvm.Simulation.Scenarios;

/// <summary>
/// Reads scenarios: plain text, a line for each thing, "#" begins a comment. docs/explorer.md has the grammar.
/// </summary>
/// <example>
/// <code>
/// scenario touch-on-the-way
/// title A CPU thread touches a page on its way to the device.
/// memory A 1
/// before
///   cpu.write A0
/// thread gpu
///   gpu.write A0
/// thread cpu
///   cpu.write A0
/// </code>
/// </example>
public static partial class ScenarioReader
{
    private const int MaxPages = 1024;

    /// <summary>Reads one scenario.</summary>
    /// <param name="text">The text.</param>
    /// <returns>The scenario.</returns>
    /// <exception cref="ScenarioFormatException">A line cannot be read; the message says what would be right.</exception>
    public static Scenario Parse(string text)
    {
        var draft = new Draft();
        string[] lines = text.Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            string line = lines[i].Split('#')[0].Trim();
            if (line.Length > 0)
                draft.Add(i + 1, line);
        }

        return draft.Finish(lines.Length);
    }

    /// <summary>Reads the name of pages.</summary>
    /// <param name="text">A memory's name, then a page or first-last; without a number all its pages.</param>
    /// <param name="memories">The memories.</param>
    /// <param name="line">The line, for messages.</param>
    /// <returns>The pages.</returns>
    /// <exception cref="ScenarioFormatException">There is no such memory, or it has no such page.</exception>
    internal static ScenarioPages ParsePages(string text, IReadOnlyList<(string Name, int Pages)> memories, int line)
    {
        Match match = PagesPattern().Match(text);
        int memory = -1;
        for (int i = 0; match.Success && i < memories.Count; i++)
        {
            if (memories[i].Name == match.Groups["memory"].Value)
                memory = i;
        }

        if (memory < 0)
            throw new ScenarioFormatException(line, $"'{text}' names no memory of this scenario: say A0 for a page, A0-3 for several, A for all of memory A; the memories are {string.Join(", ", memories.Select(known => known.Name))}.");
        int first = match.Groups["first"].Success ? int.Parse(match.Groups["first"].Value, CultureInfo.InvariantCulture) : 0;
        int last = match.Groups["last"].Success ? int.Parse(match.Groups["last"].Value, CultureInfo.InvariantCulture)
            : match.Groups["first"].Success ? first : memories[memory].Pages - 1;
        if (last < first || last >= memories[memory].Pages)
            throw new ScenarioFormatException(line, $"'{text}' is not in memory {memories[memory].Name}, whose pages are 0 to {memories[memory].Pages - 1}.");
        return new ScenarioPages(memory, first, last - first + 1);
    }

    /// <summary>A number in a line.</summary>
    /// <param name="text">Its text.</param>
    /// <param name="least">The least it may be.</param>
    /// <param name="most">The most.</param>
    /// <param name="what">What it is.</param>
    /// <param name="line">The line, for messages.</param>
    /// <returns>The number.</returns>
    private static int ParseNumber(string text, int least, int most, string what, int line) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most ? number
        : throw new ScenarioFormatException(line, $"'{text}' is no {what}: give a number from {least} to {most}.");

    /// <summary>The name of pages: a memory, or some of its pages.</summary>
    /// <returns>The pattern.</returns>
    [GeneratedRegex(@"^(?<memory>[A-Z]+)((?<first>\d{1,4})(-(?<last>\d{1,4}))?)?$")]
    private static partial Regex PagesPattern();

    /// <summary>The word of an access: who does what.</summary>
    /// <returns>The pattern.</returns>
    [GeneratedRegex(@"^(?<who>cpu|gpu(?<number>\d)?)\.(?<what>read|write|add)$")]
    private static partial Regex AccessPattern();

    /// <summary>A scenario that is being read.</summary>
    private sealed class Draft
    {
        private readonly List<(string Name, int Pages)> _memories = [];
        private readonly List<ScenarioOperation> _before = [];
        private readonly List<ScenarioOperation> _after = [];
        private readonly List<ScenarioThread> _threads = [];
        private List<ScenarioOperation>? _open; // Where operations go.
        private ScenarioOptions _options = new();
        private string _name = string.Empty;
        private string _title = string.Empty;

        /// <summary>Takes a line.</summary>
        /// <param name="line">Its number.</param>
        /// <param name="text">What it says, without comment.</param>
        public void Add(int line, string text)
        {
            string[] words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            string rest = text[words[0].Length..].Trim();
            switch (words[0])
            {
                case "scenario":
                    _name = rest;
                    break;
                case "title":
                    _title = rest;
                    break;
                case "memory":
                    if (words.Length != 3 || !words[1].All(char.IsAsciiLetterUpper))
                        throw new ScenarioFormatException(line, "write: memory NAME PAGES, with a name of capital letters.");
                    _memories.Add((words[1], ParseNumber(words[2], 1, MaxPages, "number of pages", line)));
                    break;
                case "option":
                    foreach (string word in words.Skip(1))
                        SetOption(word, line);
                    break;
                case "before":
                    _open = _before;
                    break;
                case "after":
                    _open = _after;
                    break;
                case "thread":
                    _open = [];
                    _threads.Add(new ScenarioThread(rest.Length > 0 ? rest : $"thread {_threads.Count}", _open));
                    break;
                default:
                    (_open ?? throw new ScenarioFormatException(line, $"'{text}' stands in no section: begin one with before, thread NAME or after (or is '{words[0]}' mistyped? There are scenario, title, memory, option).")).Add(ParseOperation(text, line));
                    break;
            }
        }

        /// <summary>Makes the scenario.</summary>
        /// <param name="lines">How many lines there are.</param>
        /// <returns>The scenario.</returns>
        public Scenario Finish(int lines)
        {
            if (_memories.Count == 0)
                throw new ScenarioFormatException(lines, "there is no memory: write, for example, memory A 1.");
            if (_threads.Count == 0 || _threads.Exists(thread => thread.Operations.Count == 0))
                throw new ScenarioFormatException(lines, "there is no thread, or one that does nothing: write thread NAME, and below it what it does.");
            return new Scenario { Name = _name, Title = _title, Options = _options, Memories = _memories, Before = _before, Threads = _threads, After = _after };
        }

        /// <summary>Sets one option.</summary>
        /// <param name="word">name=value, or a name.</param>
        /// <param name="line">The line.</param>
        private void SetOption(string word, int line)
        {
            string[] halves = word.Split('=', 2);
            string value = halves.Length > 1 ? halves[1] : string.Empty;
            _options = halves[0] switch
            {
                "gpus" => _options with { Devices = ParseNumber(value, 1, 4, "number of devices", line) },
                "gpu-pages" => _options with { DevicePages = ParseNumber(value, 1, 4096, "number of pages", line) },
                "chunk" => _options with
                {
                    Chunk = value switch
                    {
                        "4K" => PageOrder.Small,
                        "64K" => PageOrder.Medium,
                        "2M" => PageOrder.Huge,
                        _ => throw new ScenarioFormatException(line, $"'{value}' is no size of ranges: choose 4K, 64K or 2M."),
                    },
                },
                "stay-in-ram" => _options with { Migrates = false },
                "kill-on-partial-unmap" => _options with { PartialUnmap = PartialUnmapMode.Kill },
                "share-mappings" => _options with { SharesMappings = true },
                "timeslice-ms" => _options with { Timeslice = TimeSpan.FromMilliseconds(ParseNumber(value, 0, 10_000, "number of milliseconds", line)) },
                "discard-late" => _options with { DiscardsLate = true },
                "in-kernel" => _options with { IsInKernel = true },
                "close-first" => _options with { ClosesFirst = true },
                "reset-advice" => _options with { ResetsAdvice = true },
                "without-faults" => _options with { WithoutFaults = true },
                "keep-free" => _options with { KeepFreePages = ParseNumber(value, 1, 4096, "number of pages", line) },
                _ => throw new ScenarioFormatException(line, $"'{word}' is no option: there are gpus=, gpu-pages=, chunk=, stay-in-ram, kill-on-partial-unmap, share-mappings, timeslice-ms=, discard-late, in-kernel, close-first, reset-advice, without-faults and keep-free=."),
            };
        }

        /// <summary>Reads an operation.</summary>
        /// <param name="text">The line.</param>
        /// <param name="line">Its number.</param>
        /// <returns>The operation.</returns>
        private ScenarioOperation ParseOperation(string text, int line)
        {
            string[] halves = text.Split("->", 2);
            string[] words = halves[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            Match access = AccessPattern().Match(words[0]);
            ScenarioOperation operation = access.Success
                ? ParseAccess(access, words, text, line)
                : ParseChange(words, text, line);
            if (operation.Device >= _options.Devices)
                throw new ScenarioFormatException(line, $"there is no device {operation.Device}: say option gpus={operation.Device + 1} above.");
            return halves.Length == 1 ? operation : operation with { Allowed = [.. halves[1].Split('|').Select(name => ParseStatus(name.Trim(), line))] };
        }

        /// <summary>Reads an access.</summary>
        /// <param name="access">Who does what.</param>
        /// <param name="words">The line's words.</param>
        /// <param name="text">The line.</param>
        /// <param name="line">Its number.</param>
        /// <returns>The operation.</returns>
        private ScenarioOperation ParseAccess(Match access, string[] words, string text, int line)
        {
            if (words.Length != 2)
                throw new ScenarioFormatException(line, $"write {words[0]} and one number of a page: A0, or A0.7 for the eighth.");
            string[] place = words[1].Split('.', 2);
            ScenarioPages pages = ParsePages(place[0], _memories, line) with { Count = 1 };
            int cell = place.Length > 1 ? ParseNumber(place[1], 0, (PageSize.Bytes / sizeof(long)) - 1, "number of a page", line) : 0;
            int device = access.Groups["who"].Value == "cpu" ? -1 : access.Groups["number"].Success ? access.Groups["number"].Value[0] - '0' : 0;
            ScenarioVerb verb = access.Groups["what"].Value switch
            {
                "read" => ScenarioVerb.Read,
                "write" => ScenarioVerb.Write,
                _ => ScenarioVerb.Add,
            };
            return new ScenarioOperation(verb, device, pages, cell, string.Empty, 1, [SvmStatus.Done], text);
        }

        /// <summary>Reads an operation that is no access.</summary>
        /// <param name="words">The line's words.</param>
        /// <param name="text">The line.</param>
        /// <param name="line">Its number.</param>
        /// <returns>The operation.</returns>
        private ScenarioOperation ParseChange(string[] words, string text, int line)
        {
            ScenarioVerb verb = ScenarioWords.VerbOf(words[0])
                ?? throw new ScenarioFormatException(line, $"'{words[0]}' is no operation: there are {string.Join(", ", ScenarioWords.All)}.");
            ScenarioPages pages = ScenarioPages.None;
            int device = -1;
            string argument = string.Empty;
            int count = 1;
            foreach (string word in words.Skip(1))
            {
                if (word is "cpu" or "to")
                    continue;
                if (word.StartsWith("gpu", StringComparison.Ordinal))
                    device = word.Length == 3 ? 0 : ParseNumber(word[3..], 0, 3, "device", line);
                else if (PagesPattern().IsMatch(word) && pages.Memory < 0)
                    pages = ParsePages(word, _memories, line);
                else if (verb == ScenarioVerb.Inject && argument.Length > 0)
                    count = ParseNumber(word, 1, 1000, "number of a hit", line);
                else
                    argument = word;
            }

            ScenarioWords.Check(verb, pages, argument, _memories, line);
            if (device < 0 && ScenarioWords.NeedsDevice(verb))
                device = 0;
            return new ScenarioOperation(verb, device, pages, 0, argument, count, ScenarioWords.AllowedOf(verb), text);
        }

        /// <summary>Reads a status.</summary>
        /// <param name="name">Its name with hyphens: not-mapped.</param>
        /// <param name="line">The line.</param>
        /// <returns>The status.</returns>
        private static SvmStatus ParseStatus(string name, int line) =>
            Enum.TryParse(name.Replace("-", string.Empty, StringComparison.Ordinal), ignoreCase: true, out SvmStatus status) && Enum.IsDefined(status) ? status
            : throw new ScenarioFormatException(line, $"'{name}' is no status: write, for example, done, busy, not-mapped, read-only or device-gone.");
    }
}
