// SPDX-License-Identifier: MIT
namespace GpuSvm.Conformance.Scenarios;

/// <summary>Pages of a piece of memory that a scenario calls by a letter.</summary>
/// <param name="Memory">The memory's name.</param>
/// <param name="Pages">Which of its pages.</param>
public readonly record struct Part(string Memory, Range Pages)
{
    /// <summary>Some of the memory's pages.</summary>
    /// <param name="pages">Which, counted from the memory's start.</param>
    public Part this[Range pages] => this with { Pages = pages };

    /// <summary>One of the memory's pages.</summary>
    /// <param name="page">Which, counted from the memory's start.</param>
    public Part this[int page] => this with { Pages = page..(page + 1) };

    /// <summary>The part in words.</summary>
    /// <returns>"A[3..5]".</returns>
    public override string ToString() => $"{Memory}[{Pages}]";
}
