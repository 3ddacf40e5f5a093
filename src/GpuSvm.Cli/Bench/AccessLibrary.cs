// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Cli.Bench;

/// <summary>What the benchmarks do in C, as a library that is compiled when it is needed: access_kernels.c.</summary>
internal sealed class AccessLibrary : IDisposable
{
    /// <summary>The compiled library; 0 if there is none.</summary>
    private readonly nint _library;

    /// <summary>Compiles and loads the library, or finds out why that cannot be.</summary>
    public AccessLibrary()
    {
        var folder = Directory.CreateTempSubdirectory("gpusvm-kernels-").FullName;
        try
        {
            Extract("gpusvm.h", folder);
            var library = Path.Combine(folder, "access_kernels.so");
            Problem = CCompiler.Build(Extract("access_kernels.c", folder), library, "-O3", "-march=native", "-ffast-math", "-pthread", "-shared", "-fPIC", "-I", folder);
            if (Problem.Length == 0)
                _library = NativeLibrary.Load(library);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Why there is no library; empty if there is one.</summary>
    public string Problem { get; }

    /// <summary>The address of a function of the library.</summary>
    /// <param name="name">Its name.</param>
    public nint Export(string name) => NativeLibrary.GetExport(_library, name);

    /// <summary>Unloads the library.</summary>
    public void Dispose()
    {
        if (_library != 0)
            NativeLibrary.Free(_library);
    }

    /// <summary>Writes an embedded file into a folder and gives its path.</summary>
    private static string Extract(string name, string folder)
    {
        var path = Path.Combine(folder, name);
        using var source = typeof(AccessLibrary).Assembly.GetManifestResourceStream(name)!;
        using var target = File.Create(path);
        source.CopyTo(target);
        return path;
    }
}
