// SPDX-License-Identifier: MIT
using System.Runtime.CompilerServices;

namespace GpuSvm.Native.Tests;

/// <summary>Lets tests that run straight from the build output find the published library: it is copied next to them only by the build script.</summary>
internal static class NativeLibraryPath
{
    /// <summary>Finds the library.</summary>
    /// <returns>Its full path; it is there.</returns>
    internal static string Find()
    {
        string? library = Environment.GetEnvironmentVariable("GPUSVM_LIBRARY");
        library = library is { Length: > 0 } ? library : Path.Combine(AppContext.BaseDirectory, "libgpusvm.so");
        Assert.True(File.Exists(library), $"{library} is missing: dotnet publish src/GpuSvm.Native -c Release -r linux-x64");
        return library;
    }

    /// <summary>Points GPUSVM_LIBRARY at the newest publish output above the tests, unless the library is beside them or somebody chose one.</summary>
    [ModuleInitializer]
    internal static void Set()
    {
        const string Name = "libgpusvm.so";
        if (Environment.GetEnvironmentVariable("GPUSVM_LIBRARY") is { Length: > 0 } || File.Exists(Path.Combine(AppContext.BaseDirectory, Name)))
            return;
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder != null; folder = folder.Parent)
        {
            string published = Path.Combine(folder.FullName, "publish", "GpuSvm.Native");
            if (!Directory.Exists(published))
                continue;
            string? found = Directory.GetFiles(published, Name, SearchOption.AllDirectories).MaxBy(File.GetLastWriteTimeUtc);
            Environment.SetEnvironmentVariable("GPUSVM_LIBRARY", found);
            return;
        }
    }
}
