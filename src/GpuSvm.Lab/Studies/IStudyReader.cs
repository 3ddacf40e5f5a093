// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Studies;

/// <summary>Reads files that <see cref="StudyParquet"/> has written. It stands apart from who writes them because reading needs a database engine, which is large and of use to few.</summary>
public interface IStudyReader
{
    /// <summary>Reads files.</summary>
    /// <param name="paths">The files.</param>
    /// <returns>One part a file, in their order.</returns>
    /// <exception cref="StudyFileException">One of them is no such file, or is damaged; the message names it.</exception>
    IReadOnlyList<StudyPart> Read(IReadOnlyList<string> paths);
}
