// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Interop;

namespace GpuSvm.Tests;

/// <summary>The native library is found where the documentation says, and its lack is said with the command that builds it.</summary>
public sealed class NativeLibraryLoaderTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("gpusvm-loader-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void NothingIsFoundInAnEmptyFolder() => Assert.Null(NativeLibraryLoader.Find(null, _folder.FullName));

    [Fact]
    public void TheLibraryBesideTheProgramComesBeforeTheOneInRuntimes()
    {
        string runtimes = Touch("runtimes", $"linux-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}", "native", "libgpusvm.so");
        Assert.Equal(runtimes, NativeLibraryLoader.Find("", _folder.FullName));
        string beside = Touch("libgpusvm.so");
        Assert.Equal(beside, NativeLibraryLoader.Find(null, _folder.FullName));
    }

    [Fact]
    public void AChosenLibraryComesFirstAndMustExist()
    {
        Touch("libgpusvm.so");
        string chosen = Touch("elsewhere", "mine.so");
        Assert.Equal(chosen, NativeLibraryLoader.Find(chosen, _folder.FullName));
        DllNotFoundException missing = Assert.Throws<DllNotFoundException>(() => NativeLibraryLoader.Find(chosen + ".not", _folder.FullName));
        Assert.Contains("GPUSVM_LIBRARY", missing.Message, StringComparison.Ordinal);
        Assert.Contains("dotnet publish", missing.Message, StringComparison.Ordinal);
    }

    private string Touch(params string[] parts)
    {
        string path = Path.Combine([_folder.FullName, .. parts]);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, "");
        return path;
    }
}
