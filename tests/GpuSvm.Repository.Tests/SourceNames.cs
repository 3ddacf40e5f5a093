// SPDX-License-Identifier: MIT
using System.Text.RegularExpressions;

namespace GpuSvm.Repository.Tests;

/// <summary>Names of types and members in documents, and whether the code has them.</summary>
internal static class SourceNames
{
    /// <summary>The names in back quotes of a cell.</summary>
    public static string[] In(string cell) => cell.Split(['`', ',', ' '], StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Whether a type, or a member of one, is declared somewhere in a folder: in the type's own files.</summary>
    public static bool Exists(string name, string folder)
    {
        string[] parts = name.Split('.');
        string[] files = [.. RepositoryFiles.Find("*.cs", folder).Where(file => Path.GetFileName(file).Split('.')[0] == parts[0])];
        if (files.Length == 0)
            return false;
        return parts.Length == 1 || files.Any(file => Regex.IsMatch(
            RepositoryFiles.Read(file), $@"(^|[\s>?\]]){Regex.Escape(parts[1])}\s*(\(|<|=>|=|;|,|\{{|\r?\n)", RegexOptions.Multiline));
    }
}
