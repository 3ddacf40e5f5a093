// SPDX-License-Identifier: MIT
using System.Runtime.Versioning;
using System.Text.RegularExpressions;

namespace GpuSvm.Repository.Tests;

/// <summary>The samples for clusters run a study in shares that make a whole: the Slurm array on a real Slurm of one node, the Kubernetes job as far as its pods' commands go.</summary>
[SupportedOSPlatform("linux")]
public sealed partial class ClusterTests : IDisposable
{
    private const string Manifest = "samples/cluster/study-job.yaml";

    private static readonly string _tool = RepositoryFiles.Path("artifacts/bin/GpuSvm.Cli/release/GpuSvm.Cli.dll");
    private static readonly string[] _study = ["triad", "gups", "--size", "256K", "--prefetch", "none,tree,adaptive", "--seeds", "3"];

    private readonly string _folder = Directory.CreateTempSubdirectory("gpusvm-cluster-").FullName;

    public void Dispose()
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                Directory.Delete(_folder, recursive: true);
                return;
            }
            catch (IOException) when (attempt < 100)
            {
                Thread.Sleep(100); // The daemons were told to end, and write their last files.
            }
        }
    }

    [Fact]
    public void ASlurmArrayRunsAStudyInShares()
    {
        if (!Has("slurmctld") || !Has("slurmd") || !Has("munged"))
            Assert.Skip("Slurm is not installed: apt-get install slurm-wlm munge");
        if (!Environment.IsPrivilegedProcess)
            Assert.Skip("A Slurm of one node needs root");
        string script = RepositoryFiles.Path("tests/slurm/one-node"), slurm = Path.Combine(_folder, "slurm");
        try
        {
            ProgramRun.Run(script, _folder, "start", slurm);
            Submit(slurm, "--array=0-3", _study);
            string[] expected = [.. Enumerable.Range(1, 4).Select(share => $"share-{share}-of-4.parquet")];
            Assert.Equal(expected, Parquets());
            Assert.Contains("share 3/4 (Slurm array task 2): 18 of 72 replays", File.ReadAllText(Path.Combine(_folder, "2.log")), StringComparison.Ordinal);
            string whole = Compare([.. _study, "--json", "-"]);
            Assert.Equal(whole, Compare("--merge", "results", "--json", "-"));

            // One task is lost, and submitted again.
            File.Delete(Path.Combine(_folder, "results", "share-2-of-4.parquet"));
            Submit(slurm, "--array=1", [.. _study, "--shares", "4"]);
            Assert.Equal(expected, Parquets());
            Assert.Contains("18 of them known", File.ReadAllText(Path.Combine(_folder, "1.log")), StringComparison.Ordinal);
            Assert.Equal(whole, Compare("--merge", "results", "--json", "-"));
        }
        finally
        {
            ProgramRun.Run(script, _folder, "stop", slurm);
        }
    }

    [Fact]
    public void APodOfTheKubernetesJobRunsItsShare()
    {
        string text = RepositoryFiles.Read(Manifest);
        string shares = Value().Match(text).Groups[1].Value;
        Assert.Equal(Completions().Match(text).Groups[1].Value, shares);
        Assert.Contains("completionMode: Indexed", text, StringComparison.Ordinal);
        string[] arguments = [.. Argument().Matches(text[text.IndexOf("args:", StringComparison.Ordinal)..text.IndexOf("env:", StringComparison.Ordinal)]).Select(match => match.Groups[1].Value)];
        Assert.Contains("--results=/results/", arguments);
        string[] small = [.. arguments.Select(argument => argument.Split('=')[0] switch
        {
            "all" => "triad",
            "--size" => "--size=64K",
            "--results" => "--results=results/",
            _ => argument,
        })];
        ProgramRun.Run("env", _folder, [$"GPUSVM_SHARES={shares}", "JOB_COMPLETION_INDEX=7", ProgramRun.Dotnet, _tool, "compare", "-q", .. small]);
        Assert.Equal([$"share-8-of-{shares}.parquet"], Parquets());
    }

    [Fact]
    public void KubernetesKnowsEveryFieldOfTheJob()
    {
        if (!Has("kubectl"))
            Assert.Skip("kubectl is not installed");
        string known = ProgramRun.Run("kubectl", _folder, "label", "--local", "-f", RepositoryFiles.Path(Manifest), "checked=yes", "-o", "yaml");
        foreach (Match field in Field().Matches(RepositoryFiles.Read(Manifest)))
            Assert.True(known.Contains(field.Value, StringComparison.Ordinal), $"kubectl has dropped {field.Value}:\n{known}");
    }

    /// <summary>Submits the sample and waits for its tasks.</summary>
    private void Submit(string slurm, string array, string[] study) => ProgramRun.Run(
        "env", _folder,
        ["--unset=SLURM_JOB_ID", $"SLURM_CONF={slurm}/slurm.conf", $"GPUSVM={Wrapper()}", "timeout", "300", "sbatch", "--wait", "--cpus-per-task=1", array, "--output=%a.log", RepositoryFiles.Path("samples/cluster/study.sbatch"), .. study]);

    /// <summary>A script that is the tool, as ./gpusvm is but for the build.</summary>
    private string Wrapper()
    {
        string path = Path.Combine(_folder, "gpusvm");
        File.WriteAllText(path, $"#!/bin/sh\nexec '{ProgramRun.Dotnet}' '{_tool}' \"$@\"\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }

    /// <summary>What `gpusvm compare` prints.</summary>
    private string Compare(params string[] arguments) => ProgramRun.Run(ProgramRun.Dotnet, _folder, [_tool, "compare", .. arguments]);

    /// <summary>The Parquet files of the results.</summary>
    private IEnumerable<string?> Parquets() => Directory.GetFiles(Path.Combine(_folder, "results"), "*.parquet").Select(Path.GetFileName).Order(StringComparer.Ordinal);

    /// <summary>Whether a program is in PATH.</summary>
    private static bool Has(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, program)));

    [GeneratedRegex(@"name: GPUSVM_SHARES\s+value: ""(\d+)""")]
    private static partial Regex Value();

    [GeneratedRegex(@"completions: (\d+)")]
    private static partial Regex Completions();

    [GeneratedRegex(@"^\s+- (\S+)$", RegexOptions.Multiline)]
    private static partial Regex Argument();

    /// <summary>A field with its value, on one line, outside comments.</summary>
    [GeneratedRegex(@"(?<=^[ -]*)[a-zA-Z]+: [^\[{\s#""][^\r\n]*$", RegexOptions.Multiline)]
    private static partial Regex Field();
}
