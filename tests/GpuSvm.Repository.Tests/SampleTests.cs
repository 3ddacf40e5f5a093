// SPDX-License-Identifier: MIT
namespace GpuSvm.Repository.Tests;

/// <summary>The samples in C# run, and print what they are there to show. The build of the tests builds them.</summary>
public sealed class SampleTests
{
    /// <summary>Each sample with a pattern for each of its last lines.</summary>
    private static readonly Dictionary<string, string[]> _samples = new()
    {
        ["squares"] = ["1234567 squared is 1524155677489", @"\d+ MiB went to the device, \d+ blocks were evicted"],
        ["fractal"] = [.. Enumerable.Repeat("[ .:=+*#%@-]{78}", 32), "532 of 2496 points are inside"],
        ["in-place"] = [@"99 became 108\.9, the sum is 54450000", "0 bytes were migrated"],
        ["two-gpus"] = ["The squares of 0 to 1048575 add up to 384306618446643200"],
        ["larger"] =
        [
            @"The sum is (\d+), it should be \1",
            @"128 MiB of data, 16 MiB of device memory \((real|portable) memory\)",
            @"\d+ MiB went there and \d+ MiB came back, \d+ MiB of it in the end",
        ],
    };

    /// <summary>The names, for one test each.</summary>
    public static TheoryData<string> Names => [.. _samples.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void ASamplePrintsWhatItShows(string name)
    {
        string program = RepositoryFiles.Path($"artifacts/bin/{name}/release/{name}.dll");
        Assert.True(File.Exists(program), $"{program} is missing: GpuSvm.slnx must list the sample");
        string[] lines = ProgramRun.Run(ProgramRun.Dotnet, Path.GetTempPath(), program).TrimEnd('\n').Split('\n');
        string[] expected = _samples[name];
        Assert.True(lines.Length >= expected.Length, string.Join('\n', lines));
        Assert.All(lines[^expected.Length..].Zip(expected), pair => Assert.Matches($"^(?:{pair.Second})$", pair.First));
    }

    [Fact]
    public void EverySampleIsRun() => Assert.Equal(
        RepositoryFiles.Find("*.csproj", "samples").Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal), _samples.Keys.Order(StringComparer.Ordinal));

    [Fact]
    public void EverySampleIsListed() => RepositoryFiles.AssertNone(
        "samples/README.md must list the sample", _samples.Keys.Where(name => !RepositoryFiles.Read("samples/README.md").Contains($"[{name}]({name}/Program.cs)", StringComparison.Ordinal)));
}
