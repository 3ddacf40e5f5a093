// SPDX-License-Identifier: MIT
namespace GpuSvm.Mutants;

/// <summary>One bug as a change of our sources: which history it repeats, who should find it, and texts to replace.</summary>
/// <remarks>
/// A file of the folder mutants: lines "id:", "rows:", "wrong:", "scenarios:", "note:"; then, for each file that changes, "file:" with its path, and for each change the
/// text to find between "&lt;&lt;&lt;&lt;" and "====", what stands there instead up to "&gt;&gt;&gt;&gt;". A text must be there exactly once: lines may move, and what rots is noticed.
/// </remarks>
/// <param name="Id">Its name, that of its file.</param>
/// <param name="Rows">The rows of the history that it repeats; "own" for our own synchronisation.</param>
/// <param name="Wrong">What is wrong with it.</param>
/// <param name="Scenarios">The scenarios that look for it, in their order.</param>
/// <param name="Note">Why nobody finds it, where that is so; or empty.</param>
/// <param name="Changes">The changes.</param>
public sealed record Mutant(string Id, IReadOnlyList<string> Rows, string Wrong, IReadOnlyList<string> Scenarios, string Note, IReadOnlyList<MutantChange> Changes)
{
    private const string FindMark = "<<<<";
    private const string ReplaceMark = "====";
    private const string EndMark = ">>>>";

    /// <summary>Reads all mutants of a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <returns>The mutants, by name.</returns>
    /// <exception cref="FormatException">One cannot be read.</exception>
    public static IReadOnlyList<Mutant> ReadAll(string folder) =>
        [.. Directory.GetFiles(folder, "*.mutant").Order(StringComparer.Ordinal).Select(path => Parse(Path.GetFileNameWithoutExtension(path), File.ReadAllText(path)))];

    /// <summary>Reads one mutant.</summary>
    /// <param name="name">The name of its file.</param>
    /// <param name="text">What is in it.</param>
    /// <returns>The mutant.</returns>
    /// <exception cref="FormatException">A line is not understood, or something is missing.</exception>
    public static Mutant Parse(string name, string text)
    {
        var header = new Dictionary<string, string>();
        var changes = new List<MutantChange>();
        string path = string.Empty;
        string[] lines = text.Split('\n');
        for (int at = 0; at < lines.Length; at++)
        {
            if (lines[at] == FindMark)
            {
                string find = Block(name, lines, ref at, ReplaceMark);
                changes.Add(new MutantChange(path, find, Block(name, lines, ref at, EndMark)));
                continue;
            }

            int colon = lines[at].IndexOf(':', StringComparison.Ordinal);
            if (lines[at].Trim().Length == 0)
                continue;
            if (colon < 0)
                throw new FormatException($"{name}.mutant, line {at + 1}: expected \"key: value\" or {FindMark}.");
            string key = lines[at][..colon];
            string value = lines[at][(colon + 1)..].Trim();
            if (key == "file")
                path = value;
            else if (key is "id" or "rows" or "wrong" or "scenarios" or "note")
                header[key] = value;
            else
                throw new FormatException($"{name}.mutant, line {at + 1}: there is no \"{key}\"; write id, rows, wrong, scenarios, note or file.");
        }

        foreach (string key in (string[])["id", "rows", "wrong", "scenarios"])
        {
            if (!header.TryGetValue(key, out string? value) || value.Length == 0)
                throw new FormatException($"{name}.mutant: the line \"{key}:\" is missing.");
        }

        if (header["id"] != name || changes.Count == 0 || changes.Exists(change => change.Path.Length == 0))
            throw new FormatException($"{name}.mutant: its id must be the file's name, and it must change something in a file it names.");
        return new Mutant(name, header["rows"].Split(' '), header["wrong"], header["scenarios"].Split(' '), header.GetValueOrDefault("note", string.Empty), changes);
    }

    /// <summary>The files that change, as they are with the bug in them.</summary>
    /// <param name="root">The folder of the sources.</param>
    /// <returns>New texts by path.</returns>
    /// <exception cref="FormatException">A text to replace is not there exactly once.</exception>
    public IReadOnlyDictionary<string, string> Apply(string root)
    {
        var texts = new Dictionary<string, string>();
        foreach (MutantChange change in Changes)
        {
            if (!texts.TryGetValue(change.Path, out string? text))
                text = File.ReadAllText(Path.Combine(root, change.Path));
            int first = text.IndexOf(change.Find, StringComparison.Ordinal);
            if (first < 0 || text.IndexOf(change.Find, first + 1, StringComparison.Ordinal) >= 0)
                throw new FormatException($"{Id}.mutant: this text is {(first < 0 ? "not" : "more than once")} in {change.Path}; bring the mutant up to date with the source:\n{change.Find}");
            texts[change.Path] = string.Concat(text.AsSpan(0, first), change.Replace, text.AsSpan(first + change.Find.Length));
        }

        return texts;
    }

    /// <summary>Reads a text up to a mark.</summary>
    /// <param name="name">The mutant's name, for messages.</param>
    /// <param name="lines">All lines.</param>
    /// <param name="at">The line before the text; afterwards that of the mark.</param>
    /// <param name="mark">The mark.</param>
    /// <returns>The text, each line with its end.</returns>
    private static string Block(string name, string[] lines, ref int at, string mark)
    {
        int first = at + 1;
        int end = Array.IndexOf(lines, mark, first);
        if (end < 0)
            throw new FormatException($"{name}.mutant: the text from line {first + 1} on does not end with {mark}.");
        at = end;
        return string.Concat(lines[first..end].Select(line => line + "\n"));
    }
}
