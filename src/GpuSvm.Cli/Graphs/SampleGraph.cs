// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Graphs;

/// <summary>Finds the real graph that comes with the tool: the relations between the word senses of WordNet.</summary>
internal static class SampleGraph
{
    /// <summary>Where it lies below the tool's folder and below the repository's root.</summary>
    private const string RelativePath = "samples/data/wordnet.edges.gz";

    /// <summary>Gives the file's path: beside the tool, or in the repository that the tool was built in.</summary>
    /// <exception cref="InputException">It is in neither place.</exception>
    public static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var candidate = Path.Combine(folder.FullName, RelativePath);
            if (File.Exists(candidate))
                return candidate;
        }

        throw new InputException($"the packaged graph {RelativePath} is not beside the tool; give your own with --graph FILE, or make one with --scale 16");
    }
}
