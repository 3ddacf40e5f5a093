// SPDX-License-Identifier: MIT
using System.Reflection;
using System.Runtime.InteropServices;

namespace GpuSvm.Interop;

/// <summary>
/// Finds libgpusvm: where GPUSVM_LIBRARY points, next to the program, in runtimes/linux-x64/native (or linux-arm64) below it, where a package puts it, then wherever the runtime looks for
/// libraries of this assembly (its own folder, the folders of the program's dependency file) and the system for any.
/// </summary>
internal static unsafe class NativeLibraryLoader
{
    private const string FileName = "libgpusvm.so";
    private const string Variable = "GPUSVM_LIBRARY";

    /// <summary>The platform's portable name: a runtime built for one distribution calls it by that one's name, which no package's folder has.</summary>
    private static readonly string _platform = $"linux-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";

    /// <summary>What builds the library from the sources.</summary>
    private static readonly string _buildCommand = $"dotnet publish src/GpuSvm.Native -c Release -r {_platform}";

    /// <summary>Has the runtime ask <see cref="Resolve"/>; called once.</summary>
    public static void Register() => NativeLibrary.SetDllImportResolver(typeof(NativeLibraryLoader).Assembly, Resolve);

    /// <summary>Loads the library and checks that it speaks this package's ABI.</summary>
    /// <param name="name">The name of the import.</param>
    /// <param name="assembly">This assembly.</param>
    /// <param name="path">Where the import says to look; nothing for this assembly's.</param>
    /// <returns>The library; 0 for any other name.</returns>
    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path)
    {
        if (name != NativeMethods.Library)
            return 0;
        string? found = Find(Environment.GetEnvironmentVariable(Variable), AppContext.BaseDirectory);
        if (found != null)
            return CheckVersion(NativeLibrary.Load(found), found);
        if (NativeLibrary.TryLoad(FileName, assembly, path, out nint library) || NativeLibrary.TryLoad(FileName, out library))
            return CheckVersion(library, FileName);
        throw new DllNotFoundException(
            $"The native library {FileName} was not found next to the program ({AppContext.BaseDirectory}) nor in {Path.Combine("runtimes", _platform, "native")} below it: the package has none for {_platform}. "
            + $"Build it with '{_buildCommand}' and copy it there, or set {Variable} to its path.");
    }

    /// <summary>Looks for the library.</summary>
    /// <param name="chosen">What the environment variable says; null or empty if it is not set.</param>
    /// <param name="folder">Where the program is.</param>
    /// <returns>Its path, or null if it is in none of the usual places.</returns>
    /// <exception cref="DllNotFoundException">The variable is set and nothing is there.</exception>
    internal static string? Find(string? chosen, string folder)
    {
        if (!string.IsNullOrEmpty(chosen))
        {
            return File.Exists(chosen)
                ? chosen
                : throw new DllNotFoundException($"{Variable} is set to {chosen}, where nothing is. Set it to the path of {FileName}, or unset it. The library is built with '{_buildCommand}'.");
        }
        string[] candidates = [Path.Combine(folder, FileName), Path.Combine(folder, "runtimes", _platform, "native", FileName)];
        return Array.Find(candidates, File.Exists);
    }

    /// <summary>Refuses a library of another ABI, before any call could corrupt memory.</summary>
    /// <param name="library">The loaded library.</param>
    /// <param name="path">Where it came from.</param>
    /// <returns>The library.</returns>
    private static nint CheckVersion(nint library, string path)
    {
        // SAFETY: uint32_t gpusvm_abi_version(void) is the same in every version of the ABI.
        var version = (delegate* unmanaged<uint>)NativeLibrary.GetExport(library, "gpusvm_abi_version");
        uint found = version();
        if (found != NativeMethods.AbiVersion)
            throw new DllNotFoundException($"{path} has ABI version {found}, this package needs {NativeMethods.AbiVersion}. Build both from one source: '{_buildCommand}'.");
        return library;
    }
}
