// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Studies;

/// <summary>Puts the shares of a study together again.</summary>
public static class StudyMerge
{
    private const int MostNamed = 8; // Missing shares or cells in a message.

    /// <summary>Joins parts: every cell of the study once, in the order of the study in one piece.</summary>
    /// <param name="parts">The parts, at least one, in any order; what is in several of them alike counts once, and of a cell that failed in one and not in another the result counts.</param>
    /// <param name="duplicates">How many rows were in more than one part.</param>
    /// <returns>The rows.</returns>
    /// <exception cref="StudyFileException">They are not of one study and version, contradict each other, or something is missing.</exception>
    public static IReadOnlyList<StudyRow> Join(IReadOnlyList<StudyPart> parts, out int duplicates)
    {
        MustAgree(parts, "versions of the tool", "run the shares again with one version", part => part.Origin.Version);
        MustAgree(parts, "studies", "merge the shares of one study at a time: the same workloads, sizes, policies, seeds, traces and graph", part => part.Origin.Study);
        StudyOrigin origin = parts[0].Origin;
        var rows = new StudyRow?[origin.Cells];
        var from = new string[origin.Cells];
        duplicates = 0;
        foreach (StudyPart part in parts)
        {
            foreach ((int index, StudyRow row) in part.Rows)
            {
                if ((uint)index >= (uint)rows.Length)
                    throw new StudyFileException($"{part.Path}: has cell {index} of a study of {rows.Length}: the file is damaged; run its share again");
                if (rows[index] is { } known)
                {
                    duplicates++;
                    MustEqual(known, from[index], row, part.Path);
                    if (known.Result is not null)
                        continue;
                }

                (rows[index], from[index]) = (row, part.Path);
            }
        }

        return rows.Contains(null) ? throw new StudyFileException(Missing(rows, parts)) : [.. rows.Select(row => row!)];
    }

    /// <summary>Checks that all parts say the same of themselves.</summary>
    /// <param name="parts">The parts.</param>
    /// <param name="what">What differs, for the message.</param>
    /// <param name="remedy">What to do about it.</param>
    /// <param name="of">What a part says.</param>
    private static void MustAgree(IReadOnlyList<StudyPart> parts, string what, string remedy, Func<StudyPart, string> of)
    {
        if (parts.FirstOrDefault(part => of(part) != of(parts[0])) is { } other)
            throw new StudyFileException($"{parts[0].Path} and {other.Path} are of different {what}, {of(parts[0])} and {of(other)}: {remedy}");
    }

    /// <summary>Checks that a cell that is there twice is the same.</summary>
    /// <param name="known">Its row in one part.</param>
    /// <param name="knownPath">That part.</param>
    /// <param name="row">Its row in another.</param>
    /// <param name="path">That one.</param>
    private static void MustEqual(StudyRow known, string knownPath, StudyRow row, string path)
    {
        if (known.Cell != row.Cell)
            throw new StudyFileException($"{knownPath} has {known.Cell} where {path} has {row.Cell}: one of the files is damaged; run its share again");
        if (known.Result is not { } first || row.Result is not { } second)
            return;
        if (StudyFigure.All.FirstOrDefault(figure => figure.Of(first).CompareTo(figure.Of(second)) != 0) is { } figure)
        {
            throw new StudyFileException(
                $"{knownPath} and {path} contradict each other: of {row.Cell}, {figure.Name} is {figure.Of(first)} and {figure.Of(second)}. A replay gives the same each time: remove the one that is wrong, and run its share again");
        }
    }

    /// <summary>Says what is missing: the shares, where all parts are of as many.</summary>
    /// <param name="rows">The rows that are there.</param>
    /// <param name="parts">The parts.</param>
    /// <returns>The message.</returns>
    private static string Missing(StudyRow?[] rows, IReadOnlyList<StudyPart> parts)
    {
        int[] cells = [.. Enumerable.Range(0, rows.Length).Where(index => rows[index] is null)];
        int count = parts[0].Origin.Share.Count;
        if (parts.Any(part => part.Origin.Share.Count != count))
            return $"{cells.Length} of {rows.Length} cells are missing, from cell {cells[0]} on, and the shares are not of one number: run the rest with --share, or the whole study";
        StudyShare[] shares = [.. cells.Select(index => new StudyShare(index % count, count)).Distinct().OrderBy(share => share.Number)];
        string names = string.Join(", ", shares.Take(MostNamed)) + (shares.Length > MostNamed ? $" and {shares.Length - MostNamed} more" : "");
        return $"{cells.Length} of {rows.Length} cells are missing: of share {names}; run the same command with --share {shares[0]}{(shares.Length > 1 ? " and so on" : "")}, and merge again";
    }
}
