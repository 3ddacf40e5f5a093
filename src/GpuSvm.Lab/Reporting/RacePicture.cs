// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Reporting;

/// <summary>The page of a race, to go into a report whole.</summary>
/// <param name="Name">What it is called there.</param>
/// <param name="Page">The page, as <see cref="Races.RacePage"/> writes it.</param>
public sealed record RacePicture(string Name, string Page);
