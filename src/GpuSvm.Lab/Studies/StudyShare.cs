// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Studies;

/// <summary>One of several shares of a study: every Count-th cell, so that shares are about alike, whatever costs more. The default value is not one: use <see cref="Whole"/>.</summary>
/// <param name="Number">Which, from 0.</param>
/// <param name="Count">Of how many, at least 1.</param>
public readonly record struct StudyShare(int Number, int Count)
{
    /// <summary>The study in one piece.</summary>
    public static StudyShare Whole => new(0, 1);

    /// <summary>Whether it is everything.</summary>
    public bool IsWhole => Count == 1;

    /// <summary>Takes the share of a list.</summary>
    /// <typeparam name="T">What is shared.</typeparam>
    /// <param name="all">The whole list.</param>
    /// <returns>The share, each with its place in the whole.</returns>
    public IEnumerable<(int Index, T Item)> Of<T>(IReadOnlyList<T> all)
    {
        for (int index = Number; index < all.Count; index += Count)
            yield return (index, all[index]);
    }

    /// <summary>The share in words.</summary>
    /// <returns>"3/8", counted from 1.</returns>
    public override string ToString() => $"{Number + 1}/{Count}";
}
