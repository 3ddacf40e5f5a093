// SPDX-License-Identifier: MIT
namespace GpuSvm.Simulation.Exploring;

/// <summary>A thread of an explored program.</summary>
/// <param name="Name">Its name, short.</param>
/// <param name="Body">What it does.</param>
public readonly record struct ExploredThread(string Name, Action Body);
