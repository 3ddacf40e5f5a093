// SPDX-License-Identifier: MIT
using System.Xml.Linq;

namespace GpuSvm.Repository.Tests;

/// <summary>The solution and the project files agree with what lies in the folders.</summary>
public sealed class SolutionTests
{
    private static readonly IReadOnlyList<string> _projects = RepositoryFiles.Find("*.csproj", "src", "tests");

    [Fact]
    public void TheSolutionListsEveryProject()
    {
        string[] listed = [.. XDocument.Load(RepositoryFiles.Path("GpuSvm.slnx")).Descendants("Project").Select(project => project.Attribute("Path")!.Value)];
        Assert.True(_projects.Count >= 2, "the projects were not found");
        RepositoryFiles.AssertNone("GpuSvm.slnx must list the project", _projects.Except(listed));
        RepositoryFiles.AssertNone("GpuSvm.slnx lists a project that is not there", listed.Where(project => !RepositoryFiles.Exists(project)));
    }

    [Fact]
    public void EveryProjectHasItsLockFile() => RepositoryFiles.AssertNone(
        "The project's packages.lock.json is missing: restore, and commit it",
        _projects.Where(project => !RepositoryFiles.Exists(Path.GetDirectoryName(project) + "/packages.lock.json")));

    [Fact]
    public void NoProjectPinsVersionsOfItsOwn() => RepositoryFiles.AssertNone(
        "Versions stand in Directory.Packages.props",
        from project in _projects
        from reference in XDocument.Load(RepositoryFiles.Path(project)).Descendants("PackageReference")
        where reference.Attribute("Version") is not null || reference.Attribute("VersionOverride") is not null
        select $"{project} {reference.Attribute("Include")?.Value}");

    [Fact]
    public void CoreReferencesNothing() =>
        Assert.DoesNotContain(
            XDocument.Load(RepositoryFiles.Path("src/GpuSvm.Core/GpuSvm.Core.csproj")).Descendants(),
            element => element.Name.LocalName is "PackageReference" or "ProjectReference");
}
