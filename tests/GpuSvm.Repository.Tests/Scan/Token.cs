// SPDX-License-Identifier: MIT
namespace GpuSvm.Repository.Tests.Scan;

/// <summary>One token of a C# file: an identifier or keyword, a literal, or one character of punctuation (=&gt; is one token).</summary>
/// <param name="Text">The text; for a string or character literal just its opening quote.</param>
/// <param name="Line">The line it begins on, from 1.</param>
/// <param name="IsWord">Whether it is an identifier or a keyword.</param>
/// <param name="Documentation">The doc comment right before it, without slashes; null if there is none.</param>
public readonly record struct Token(string Text, int Line, bool IsWord, string? Documentation);
