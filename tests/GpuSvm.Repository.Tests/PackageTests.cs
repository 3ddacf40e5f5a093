// SPDX-License-Identifier: MIT
using System.IO.Compression;
using System.Reflection.Metadata;
using System.Runtime.InteropServices;

namespace GpuSvm.Repository.Tests;

/// <summary>What ./gpusvm pack makes: a project that knows nothing of this repository restores it from a folder, builds and runs.</summary>
public sealed class PackageTests : IDisposable
{
    private static readonly string _platform = $"linux-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("gpusvm-package-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void AFreshProjectRestoresBuildsAndRunsThePackages()
    {
        string packages = Inside("packages");
        ProgramRun.Run(RepositoryFiles.Path("gpusvm"), RepositoryFiles.Root, "pack", packages);
        LooksAsItShould(packages);

        string program = Inside("program");
        Directory.CreateDirectory(program);
        string sample = RepositoryFiles.Read("samples/squares/Program.cs");
        File.WriteAllText(Path.Combine(program, "Program.cs"), sample + """

            Console.WriteLine(GpuSvm.Hosting.GpuSvmServiceCollectionExtensions.AddGpuSvm(new Microsoft.Extensions.DependencyInjection.ServiceCollection()).Count > 0);
            """);
        File.WriteAllText(Path.Combine(program, "program.csproj"), """
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <NuGetAudit>false</NuGetAudit>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="GpuSvm" Version="0.1.0" />
                <PackageReference Include="GpuSvm.Hosting" Version="0.1.0" />
              </ItemGroup>
            </Project>
            """);
        // The folder beside the sources that this machine is set up for. What other packages need comes from the machine's own folder of packages, where this
        // repository's restore has put it; ours must not land there, for the next one would be taken for the same.
        File.WriteAllText(Path.Combine(program, "nuget.config"), $"""
            <configuration>
              <packageSources><add key="packed" value="{packages}" /></packageSources>
              <fallbackPackageFolders><add key="machine" value="{MachinePackages()}" /></fallbackPackageFolders>
            </configuration>
            """);
        string dotnet = ProgramRun.Dotnet;
        ProgramRun.Run(dotnet, program, "restore", "--packages", Inside("restored"));
        ProgramRun.Run(dotnet, program, "build", "-c", "Release", "--no-restore", "-o", Inside("built"), "-nodeReuse:false");
        Assert.True(File.Exists(Path.Combine(Inside("built"), "runtimes", _platform, "native", "libgpusvm.so")));
        AssertRuns(ProgramRun.Run(dotnet, program, Path.Combine(Inside("built"), "program.dll")));

        // For one platform the library lies beside the program.
        ProgramRun.Run(dotnet, program, "restore", "--packages", Inside("restored"), "-r", _platform);
        ProgramRun.Run(dotnet, program, "publish", "-c", "Release", "--no-restore", "--self-contained", "false", "-p:UseAppHost=false", "-r", _platform, "-o", Inside("published"), "-nodeReuse:false");
        Assert.True(File.Exists(Path.Combine(Inside("published"), "libgpusvm.so")));
        AssertRuns(ProgramRun.Run(dotnet, program, Path.Combine(Inside("published"), "program.dll")));
    }

    /// <summary>Looks into the packages.</summary>
    private static void LooksAsItShould(string packages)
    {
        using ZipArchive package = ZipFile.OpenRead(Path.Combine(packages, "GpuSvm.0.1.0.nupkg"));
        string[] files = [.. package.Entries.Select(entry => entry.FullName)];
        Assert.Superset(new HashSet<string> { "lib/net10.0/GpuSvm.dll", "lib/net10.0/GpuSvm.xml", $"runtimes/{_platform}/native/libgpusvm.so", "README.md", "LICENSE" }, files.ToHashSet());
        using (var reader = new StreamReader(package.GetEntry("GpuSvm.nuspec")!.Open()))
        {
            string nuspec = reader.ReadToEnd();
            Assert.Contains("<license type=\"expression\">MIT</license>", nuspec, StringComparison.Ordinal);
            Assert.Contains("<readme>README.md</readme>", nuspec, StringComparison.Ordinal);
            Assert.Contains("\"Microsoft.Extensions.Logging.Abstractions\"", nuspec, StringComparison.Ordinal);
            Assert.DoesNotContain("PublicApiAnalyzers", nuspec, StringComparison.Ordinal); // Of use here only.
        }

        using ZipArchive symbols = ZipFile.OpenRead(Path.Combine(packages, "GpuSvm.0.1.0.snupkg"));
        using var bytes = new MemoryStream();
        symbols.GetEntry("lib/net10.0/GpuSvm.pdb")!.Open().CopyTo(bytes);
        bytes.Position = 0;
        using MetadataReaderProvider provider = MetadataReaderProvider.FromPortablePdbStream(bytes);
        MetadataReader pdb = provider.GetMetadataReader();
        string[] documents = [.. pdb.Documents.Select(document => pdb.GetString(pdb.GetDocument(document).Name))];
        Assert.Contains(documents, document => document.EndsWith("/src/GpuSvm/SharedMemory.cs", StringComparison.Ordinal));
        if (RepositoryFiles.Exists(".git"))
            RepositoryFiles.AssertNone("Symbols name a folder of the machine that built them", documents.Where(document => document.StartsWith(RepositoryFiles.Root, StringComparison.Ordinal)));
        Assert.True(File.Exists(Path.Combine(packages, "GpuSvm.Hosting.0.1.0.nupkg")));
    }

    /// <summary>Looks at what the program printed: that of the first sample, and that the services are there.</summary>
    private static void AssertRuns(string output)
    {
        string[] lines = output.TrimEnd('\n').Split('\n');
        Assert.Equal(3, lines.Length);
        Assert.Equal("1234567 squared is 1524155677489", lines[0]);
        Assert.Matches(@"^\d+ MiB went to the device, \d+ blocks were evicted$", lines[1]);
        Assert.Equal("True", lines[2]);
    }

    /// <summary>Where this machine keeps restored packages.</summary>
    private static string MachinePackages() => Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } chosen
        ? chosen
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    /// <summary>A path in this test's folder.</summary>
    private string Inside(string name) => Path.Combine(_folder.FullName, name);
}
