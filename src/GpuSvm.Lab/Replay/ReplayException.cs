// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Replay;

/// <summary>A replay that cannot go on, or not begin. The message says what to change.</summary>
/// <param name="message">What is wrong and what to do.</param>
public sealed class ReplayException(string message) : Exception(message);
