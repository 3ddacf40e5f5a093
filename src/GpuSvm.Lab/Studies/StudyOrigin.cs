// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Studies;

/// <summary>What a file of results says of itself: shares that differ in it beyond their number are not of one study.</summary>
/// <param name="Version">The version of the tool that ran it.</param>
/// <param name="Study">A fingerprint of everything that results depend on: all cells, the traces, the graph.</param>
/// <param name="Cells">How many cells the whole study has.</param>
/// <param name="Share">Which share the file is.</param>
public sealed record StudyOrigin(string Version, string Study, int Cells, StudyShare Share);
