// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Pagemaps;

/// <summary>What can be in an <see cref="AgeList{T}"/>: it carries its own links, so that listing it allocates nothing. They are the list's, and guarded by its lock.</summary>
/// <typeparam name="T">The type itself.</typeparam>
internal interface IAged<T>
    where T : class, IAged<T>
{
    /// <summary>The next one that came later.</summary>
    T? Newer { get; set; }

    /// <summary>The next one that came earlier.</summary>
    T? Older { get; set; }
}
