// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Studies;

/// <summary>Files of results cannot be used, or do not belong together.</summary>
/// <param name="message">What is wrong with which, and the remedy.</param>
/// <param name="inner">What it follows from, if anything.</param>
public sealed class StudyFileException(string message, Exception? inner = null) : Exception(message, inner);
