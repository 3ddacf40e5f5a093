// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Importing;

/// <summary>Reads a format that is a text of lines.</summary>
internal interface ILineImporter
{
    /// <summary>Reads one line.</summary>
    /// <param name="line">The line without its end.</param>
    /// <param name="output">Gets what it says.</param>
    /// <returns>Whether it is one of the format's; others are passed over.</returns>
    /// <exception cref="ImportLineException">It is one of the format's, and damaged.</exception>
    bool Read(ReadOnlySpan<byte> line, ImportOutput output);

    /// <summary>Gives on what only the end of the text, or of its undamaged part, makes plain.</summary>
    /// <param name="output">Gets it.</param>
    /// <exception cref="ImportLineException">What was read does not go together.</exception>
    void End(ImportOutput output)
    {
    }
}
