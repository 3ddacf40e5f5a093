// SPDX-License-Identifier: MIT
using System.Diagnostics;

namespace GpuSvm.Mutants;

/// <summary>
/// Puts the bugs of the folder mutants into copies of Core, one at a time, lets the schedule explorer look for each, and writes docs/history.md.
/// </summary>
/// <remarks>
/// dotnet artifacts/bin/GpuSvm.Mutants/release/GpuSvm.Mutants.dll [--page | --new | ID... | --real ID...]: all, those without a result, those named, only the page, or those named on real
/// memory. Run from the repository's root after a build. What comes out is kept in mutants/results.txt and mutants/real.txt.
/// --pictures FOLDER [ID...] draws the schedules that found them; --searched looks how far each scenario can be searched without a mutant, and writes docs/searched.md.
/// </remarks>
internal static class Program
{
    private const string Folder = "mutants";
    private const string ResultsFile = "mutants/results.txt";
    private const string RealFile = "mutants/real.txt";

    /// <summary>Runs the program.</summary>
    /// <param name="args">See above.</param>
    /// <returns>0: every search ran; 1: a mutant or the call is wrong.</returns>
    private static int Main(string[] args)
    {
        if (args.Length > 0 && args[0] == "--search")
        {
            Console.WriteLine(MutantSearch.Run(args[1], args[2..]).ToLine());
            return 0;
        }

        if (args.Length > 0 && args[0] == "--draw")
        {
            MutantSearch.Draw(MutantResult.Parse(args[2]), args[1]);
            return 0;
        }

        if (args.Length > 0 && args[0] == "--search-real")
        {
            foreach (RealResult result in RealSearch.Run(args[1], args[2], args[3]))
                Console.WriteLine(result.ToLine());
            return 0;
        }

        string root = Directory.GetCurrentDirectory();
        if (!Directory.Exists(Path.Combine(root, Folder)))
        {
            Console.Error.WriteLine($"There is no folder {Folder} here: run this in the repository's root.");
            return 1;
        }

        IReadOnlyList<Mutant> all = Mutant.ReadAll(Folder);
        SortedDictionary<string, MutantResult> results = ReadResults();
        if (args.Length > 0 && args[0] == "--searched")
        {
            File.WriteAllText("docs/searched.md", SearchedPage.Make(results));
            return 0;
        }

        string? pictures = args.Length > 1 && args[0] == "--pictures" ? Path.GetFullPath(args[1]) : null;
        args = pictures is null ? args : args[2..];
        string[] unknown = [.. args.Where(id => !id.StartsWith('-') && all.All(mutant => mutant.Id != id))];
        if (unknown.Length > 0)
        {
            Console.Error.WriteLine($"There is no mutant {string.Join(", ", unknown)}; the files in {Folder} are their names.");
            return 1;
        }

        if (pictures is not null)
            return DrawAll([.. all.Where(mutant => args.Length == 0 || args.Contains(mutant.Id))], root, results, pictures) ? 0 : 1;
        bool isRight = true;
        if (args.Contains("--real"))
            isRight = SearchReally([.. all.Where(mutant => args.Contains(mutant.Id))], root, results);
        else if (!args.Contains("--page"))
            isRight = SearchAll([.. all.Where(mutant => args.Length == 0 || args.Contains(mutant.Id) || (args.Contains("--new") && !results.ContainsKey(mutant.Id)))], root, results);
        File.WriteAllText("docs/history.md", HistoryPage.Make(all, results, ReadRealResults(), File.ReadAllLines(Path.Combine(Folder, "rows.txt"))));
        return isRight ? 0 : 1;
    }

    /// <summary>Draws the schedules that found mutants, a page each.</summary>
    /// <param name="mutants">The mutants; those that were not found are left out.</param>
    /// <param name="root">The folder of the sources.</param>
    /// <param name="results">What became of them.</param>
    /// <param name="folder">Where to.</param>
    /// <returns>False if one cannot be drawn.</returns>
    private static bool DrawAll(IReadOnlyList<Mutant> mutants, string root, SortedDictionary<string, MutantResult> results, string folder)
    {
        Directory.CreateDirectory(folder);
        var compiler = new MutantCompiler(root);
        bool isRight = true;
        foreach (Mutant mutant in mutants)
        {
            if (!results.TryGetValue(mutant.Id, out MutantResult? result) || !result.IsFound)
                continue;
            try
            {
                compiler.Compile(mutant);
                string path = Path.Combine(folder, mutant.Id + ".html");
                compiler.Draw(result, path);
                Console.WriteLine(path);
            }
            catch (Exception wrong) when (wrong is FormatException or InvalidOperationException)
            {
                Console.Error.WriteLine(wrong.Message);
                isRight = false;
            }
        }

        Directory.Delete(compiler.Scratch, recursive: true);
        return isRight;
    }

    /// <summary>Looks for mutants, and keeps each result at once.</summary>
    /// <param name="mutants">The mutants.</param>
    /// <param name="root">The folder of the sources.</param>
    /// <param name="results">Gets the results.</param>
    /// <returns>False if one does not fit, or its search broke.</returns>
    private static bool SearchAll(IReadOnlyList<Mutant> mutants, string root, SortedDictionary<string, MutantResult> results)
    {
        var compiler = new MutantCompiler(root);
        bool isRight = true;
        foreach (Mutant mutant in mutants)
        {
            long start = Stopwatch.GetTimestamp();
            try
            {
                compiler.Compile(mutant);
                MutantResult result = compiler.Search(mutant);
                Keep(result, results);
                Console.WriteLine($"{mutant.Id,-36} {(result.IsFound ? $"{result.Scenario} {result.Strategy} {result.Schedules} {result.Failure}" : $"NOT FOUND in {result.Schedules}")} ({Stopwatch.GetElapsedTime(start).TotalSeconds:f0} s)");
            }
            catch (Exception wrong) when (wrong is FormatException or InvalidOperationException)
            {
                Console.Error.WriteLine(wrong.Message);
                isRight = false;
            }
        }

        Directory.Delete(compiler.Scratch, recursive: true);
        return isRight;
    }

    /// <summary>Looks for mutants on real memory that the explorer has found, and keeps what comes out.</summary>
    /// <param name="mutants">The mutants.</param>
    /// <param name="root">The folder of the sources.</param>
    /// <param name="results">What the explorer has found.</param>
    /// <returns>False if one does not fit, or was not found by the explorer.</returns>
    private static bool SearchReally(IReadOnlyList<Mutant> mutants, string root, SortedDictionary<string, MutantResult> results)
    {
        var compiler = new MutantCompiler(root);
        bool isRight = true;
        foreach (Mutant mutant in mutants)
        {
            try
            {
                if (!results.TryGetValue(mutant.Id, out MutantResult? found) || !found.IsFound)
                    throw new FormatException($"{mutant.Id} was not found by the explorer: there is no schedule to follow.");
                compiler.Compile(mutant);
                IReadOnlyList<RealResult> really = compiler.SearchReally(found);
                File.WriteAllLines(RealFile, ReadRealResults().Where(known => known.Id != mutant.Id).Concat(really).OrderBy(known => known.Id, StringComparer.Ordinal).Select(known => known.ToLine()));
                Console.WriteLine($"{mutant.Id,-36} {string.Join("; ", really.Select(way => $"{way.Way} {(way.IsFound ? way.Runs : "not in " + way.Runs)}"))}");
            }
            catch (Exception wrong) when (wrong is FormatException or InvalidOperationException)
            {
                Console.Error.WriteLine(wrong.Message);
                isRight = false;
            }
        }

        Directory.Delete(compiler.Scratch, recursive: true);
        return isRight;
    }

    /// <summary>Reads what earlier runs found on real memory.</summary>
    /// <returns>The results.</returns>
    private static RealResult[] ReadRealResults() => File.Exists(RealFile) ? [.. File.ReadAllLines(RealFile).Select(line => RealResult.Parse(line) ?? throw new FormatException($"This is no result: {line}"))] : [];

    /// <summary>Writes a result beside those of other runs, which may be under way at the same time.</summary>
    /// <param name="result">The result.</param>
    /// <param name="results">All known ones; gets those of others too.</param>
    private static void Keep(MutantResult result, SortedDictionary<string, MutantResult> results)
    {
        using FileStream turn = TakeTurn();
        foreach (MutantResult other in ReadResults().Values)
            results[other.Id] = other;
        results[result.Id] = result;
        File.WriteAllLines(ResultsFile, results.Values.Select(known => known.ToLine()));
    }

    /// <summary>Waits until no other run writes results.</summary>
    /// <returns>The turn, which ends when this is disposed.</returns>
    private static FileStream TakeTurn()
    {
        while (true)
        {
            try
            {
                return new FileStream("artifacts/mutants/turn", FileMode.OpenOrCreate, FileAccess.Write, FileShare.None);
            }
            catch (IOException)
            {
                Thread.Sleep(20); // Another run has it, for a moment.
            }
        }
    }

    /// <summary>Reads the results of earlier runs.</summary>
    /// <returns>The results by mutant.</returns>
    private static SortedDictionary<string, MutantResult> ReadResults()
    {
        var results = new SortedDictionary<string, MutantResult>(StringComparer.Ordinal);
        foreach (string line in File.Exists(ResultsFile) ? File.ReadAllLines(ResultsFile) : [])
        {
            MutantResult result = MutantResult.Parse(line);
            results[result.Id] = result;
        }

        return results;
    }
}
