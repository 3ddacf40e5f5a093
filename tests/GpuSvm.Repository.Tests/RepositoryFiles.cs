// SPDX-License-Identifier: MIT
namespace GpuSvm.Repository.Tests;

/// <summary>The files of the working copy that these tests belong to.</summary>
public static class RepositoryFiles
{
    /// <summary>The folder with GpuSvm.slnx, found from the test program upward.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>A file's or folder's whole path.</summary>
    /// <param name="relative">Its path from the root, with slashes.</param>
    public static string Path(string relative) => System.IO.Path.Combine(Root, relative);

    /// <summary>Whether a file or folder is there.</summary>
    /// <param name="relative">Its path from the root.</param>
    public static bool Exists(string relative) => File.Exists(Path(relative)) || Directory.Exists(Path(relative));

    /// <summary>A file's text.</summary>
    /// <param name="relative">Its path from the root.</param>
    public static string Read(string relative) => File.ReadAllText(Path(relative));

    /// <summary>The files below some folders whose names match, as paths from the root, sorted; build outputs are left out.</summary>
    /// <param name="pattern">For example *.cs.</param>
    /// <param name="folders">Folders from the root; those that do not exist are passed over.</param>
    public static IReadOnlyList<string> Find(string pattern, params string[] folders) =>
    [
        .. folders.Where(folder => Directory.Exists(Path(folder)))
            .SelectMany(folder => Directory.EnumerateFiles(Path(folder), pattern, SearchOption.AllDirectories))
            .Select(file => System.IO.Path.GetRelativePath(Root, file).Replace('\\', '/'))
            .Where(file => !file.Split('/').Any(part => part is "bin" or "obj" or "artifacts" or ".git"))
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>Fails with all findings, one a line, if there are any.</summary>
    /// <param name="rule">What is wrong with them, as a sentence.</param>
    /// <param name="findings">Each begins with file:line.</param>
    public static void AssertNone(string rule, IEnumerable<string> findings)
    {
        List<string> list = [.. findings];
        if (list.Count > 0)
            Assert.Fail($"{rule} ({list.Count})\n{string.Join('\n', list)}");
    }

    /// <summary>Goes up from the test program to the solution.</summary>
    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "GpuSvm.slnx")))
                return folder.FullName;
        }

        throw new InvalidOperationException($"No GpuSvm.slnx above {AppContext.BaseDirectory}: run the tests from their build folder.");
    }
}
