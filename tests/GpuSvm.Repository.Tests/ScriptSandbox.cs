// SPDX-License-Identifier: MIT
using System.Diagnostics;
using System.Runtime.Versioning;

namespace GpuSvm.Repository.Tests;

/// <summary>
/// A folder with a copy of the gpusvm script and a dotnet that only pretends: it writes down how it is called, leaves the files that a build would leave, and
/// answers for test programs what a test has prepared. So the script's own decisions are tested, in milliseconds.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class ScriptSandbox : IDisposable
{
    private const string PretendedDotnet = """
        #!/bin/bash
        root=$(cd "$(dirname "$0")/.." && pwd)
        echo "$*" >>"$root/calls"
        case $1 in
            --version) echo 10.0.100 ;;
            publish)
                [ ! -f "$root/publish-fails" ] || { echo 'error CS1002: ; expected'; exit 1; }
                for rid in linux-x64 linux-arm64; do
                    mkdir -p "$root/artifacts/publish/GpuSvm.Native/release_$rid"
                    echo library >"$root/artifacts/publish/GpuSvm.Native/release_$rid/libgpusvm.so"
                done ;;
            build)
                mkdir -p "$root/artifacts/bin/GpuSvm.Cli/release" "$root/artifacts/bin/A.Tests/release"
                touch "$root/artifacts/bin/GpuSvm.Cli/release/GpuSvm.Cli.dll" "$root/artifacts/bin/A.Tests/release/GpuSvm.dll" ;;
            pack) touch "${*: -4:1}/$(basename "$2").0.1.0.nupkg" ;;
            */GpuSvm.Cli.dll) shift; echo "in $PWD: $*" ;;
            *.Tests.dll) . "$root/outcomes/$(basename "$1" .dll)" ;;
        esac
        """;

    /// <summary>Copies the script and puts the pretended tools beside it.</summary>
    public ScriptSandbox()
    {
        Folder = Directory.CreateTempSubdirectory("gpusvm-script-").FullName;
        File.Copy(RepositoryFiles.Path("gpusvm"), Inside("gpusvm"));
        Write("src/GpuSvm.Core/A.cs", "");
        Write("src/GpuSvm.Core/packages.lock.json", "");
        Write("Directory.Build.props", "");
        AddTool("dotnet", PretendedDotnet);
        AddTool("gcc", "#!/bin/sh\n");
        // Everything else that the script may use, so that nothing else of this machine is in reach.
        foreach (string tool in new[] { "bash", "sh", "readlink", "dirname", "basename", "uname", "getconf", "find", "sort", "cksum", "mkdir", "touch", "tail", "cmp", "cp", "mv", "flock", "timeout", "grep", "sed", "awk", "rm", "cat", "id", "sleep" })
            File.CreateSymbolicLink(Inside("tools/" + tool), Which(tool));
    }

    /// <summary>The folder that stands for the repository.</summary>
    public string Folder { get; }

    /// <summary>The dotnet calls so far, except for its version.</summary>
    public IReadOnlyList<string> Calls => File.Exists(Inside("calls")) ? [.. File.ReadAllLines(Inside("calls")).Where(call => call != "--version")] : [];

    /// <summary>A path inside the sandbox.</summary>
    /// <param name="relative">From its root.</param>
    public string Inside(string relative) => Path.Combine(Folder, relative);

    /// <summary>Writes a file and the folders it needs.</summary>
    /// <param name="relative">Its path from the sandbox's root.</param>
    /// <param name="text">Its text.</param>
    public void Write(string relative, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Inside(relative))!);
        File.WriteAllText(Inside(relative), text);
    }

    /// <summary>Adds a test project and says what running it does.</summary>
    /// <param name="name">The project's name; ends in .Tests.</param>
    /// <param name="outcome">Shell commands.</param>
    public void AddTestProject(string name, string outcome)
    {
        Write($"tests/{name}/{name}.csproj", "");
        Write($"outcomes/{name}", outcome);
    }

    /// <summary>Takes a tool away.</summary>
    /// <param name="tool">Its name.</param>
    public void RemoveTool(string tool) => File.Delete(Inside("tools/" + tool));

    /// <summary>Starts the script; <see cref="Finish"/> waits for it.</summary>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="environment">Variables beside PATH and HOME.</param>
    public Process Start(string[] arguments, params (string Name, string Value)[] environment)
    {
        ProcessStartInfo start = new(Inside("tools/bash")) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Path.GetTempPath() };
        start.ArgumentList.Add(Inside("gpusvm"));
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        start.Environment.Clear();
        start.Environment["PATH"] = Inside("tools");
        start.Environment["HOME"] = Folder;
        foreach ((string name, string value) in environment)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }

    /// <summary>Waits for the script.</summary>
    /// <param name="process">As started.</param>
    public static (int Code, string Output, string Errors) Finish(Process process)
    {
        using (process)
        {
            Task<string> errors = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output, errors.Result);
        }
    }

    /// <summary>Runs the script to its end.</summary>
    /// <param name="arguments">Its arguments.</param>
    public (int Code, string Output, string Errors) Run(params string[] arguments) => Finish(Start(arguments));

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(Folder, recursive: true);

    /// <summary>Adds a pretended tool.</summary>
    private void AddTool(string name, string script)
    {
        Write("tools/" + name, script);
        File.SetUnixFileMode(Inside("tools/" + name), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <summary>Where this machine keeps a tool.</summary>
    private static string Which(string tool) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, tool)).FirstOrDefault(File.Exists)
        ?? throw new InvalidOperationException($"{tool} is not in PATH");
}
