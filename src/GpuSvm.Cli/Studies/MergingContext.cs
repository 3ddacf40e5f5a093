// SPDX-License-Identifier: MIT
using System.Reflection;
using System.Runtime.Loader;
using GpuSvm.Lab.Studies;

namespace GpuSvm.Cli.Studies;

/// <summary>Loads the reader of Parquet files, which stands apart from the tool because of the size of its engine (docs/adr/0020), with the engine that lies beside it.</summary>
internal sealed class MergingContext : AssemblyLoadContext
{
    /// <summary>The assembly's name.</summary>
    private const string AssemblyName = "GpuSvm.Merging";

    /// <summary>Finds what lies beside the assembly.</summary>
    private readonly AssemblyDependencyResolver _resolver;

    /// <summary>Makes the context.</summary>
    /// <param name="path">The assembly.</param>
    private MergingContext(string path)
        : base(AssemblyName) => _resolver = new AssemblyDependencyResolver(path);

    /// <summary>Loads the reader.</summary>
    /// <exception cref="InputException">It was not built.</exception>
    public static IStudyReader Load()
    {
        string[] places = [AppContext.BaseDirectory, Path.Combine(AppContext.BaseDirectory, "..", "..", AssemblyName, "release")];
        var path = places.Select(place => Path.GetFullPath(Path.Combine(place, AssemblyName + ".dll"))).FirstOrDefault(File.Exists)
            ?? throw new InputException($"--merge needs DuckDB, which is not part of the tool itself: call ./gpusvm compare --merge, which fetches and builds {AssemblyName}, or dotnet build -c Release src/{AssemblyName}");
        var type = new MergingContext(path).LoadFromAssemblyPath(path).GetExportedTypes().Single(type => type.IsAssignableTo(typeof(IStudyReader)));
        return (IStudyReader)Activator.CreateInstance(type)!;
    }

    /// <inheritdoc/>
    protected override Assembly? Load(AssemblyName assemblyName)
        => assemblyName.Name!.StartsWith("GpuSvm.", StringComparison.Ordinal) ? null // The tool's own: what the two have in common.
            : _resolver.ResolveAssemblyToPath(assemblyName) is { } path ? LoadFromAssemblyPath(path) : null;

    /// <inheritdoc/>
    protected override nint LoadUnmanagedDll(string unmanagedDllName)
        => _resolver.ResolveUnmanagedDllToPath(unmanagedDllName) is { } path ? LoadUnmanagedDllFromPath(path) : 0;
}
