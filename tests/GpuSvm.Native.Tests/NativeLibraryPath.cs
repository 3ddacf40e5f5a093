// SPDX-License-Identifier: MIT
using System.Runtime.CompilerServices;

namespace GpuSvm.Native.Tests;

/// <summary>Lets tests that run straight from the build output find the published library: it is copied next to them only by the build script.</summary>
internal static class NativeLibraryPath
{
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
