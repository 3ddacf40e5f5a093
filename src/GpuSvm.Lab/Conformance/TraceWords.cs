// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Conformance;

/// <summary>The words that traces have for operations.</summary>
internal static class TraceWords
{
    private static readonly string[] _words =
    [
        "cpu_write", "cpu_read", "dev_read", "dev_write", "to_dev", "to_sys", "snapshot", "munmap+mmap", "dontneed", "mprotect", "mremap_swap", "unmap_hole",
    ];

    /// <summary>All words, by operation.</summary>
    public static IReadOnlyList<string> All => _words;

    /// <summary>The word for an operation.</summary>
    /// <param name="operation">The operation.</param>
    /// <returns>The word.</returns>
    public static string Of(TraceOperation operation) => _words[(int)operation];

    /// <summary>The operation of a word.</summary>
    /// <param name="word">The word.</param>
    /// <param name="operation">The operation.</param>
    /// <returns>False if it is none.</returns>
    public static bool TryFind(ReadOnlySpan<char> word, out TraceOperation operation)
    {
        for (int i = 0; i < _words.Length; i++)
        {
            if (!word.SequenceEqual(_words[i]))
                continue;
            operation = (TraceOperation)i;
            return true;
        }

        operation = default;
        return false;
    }
}
