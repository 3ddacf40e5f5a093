// SPDX-License-Identifier: MIT
using System.Reflection;
using System.Runtime.InteropServices;

namespace GpuSvm.Interop;

/// <summary>
/// Finds libgpusvm: where GPUSVM_LIBRARY points, next to this assembly or the program, in runtimes/RID/native below it, and then wherever the system looks.
/// </summary>
internal static unsafe class NativeLibraryLoader
{
    private const string FileName = "libgpusvm.so";
    private const string Variable = "GPUSVM_LIBRARY";
    private const string BuildCommand = "dotnet publish src/GpuSvm.Native -c Release -r linux-x64";

    /// <summary>Has the runtime ask <see cref="Resolve"/>; called once.</summary>
    public static void Register() => NativeLibrary.SetDllImportResolver(typeof(NativeLibraryLoader).Assembly, Resolve);

    /// <summary>Loads the library and checks that it speaks this package's ABI.</summary>
    /// <param name="name">The name of the import.</param>
    /// <param name="assembly">This assembly.</param>
    /// <param name="path">Ignored: the places above are what is searched.</param>
    /// <returns>The library; 0 for any other name.</returns>
    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path)
    {
        if (name != NativeMethods.Library)
            return 0;
        string? found = Find(Environment.GetEnvironmentVariable(Variable), AppContext.BaseDirectory);
        if (found != null)
            return CheckVersion(NativeLibrary.Load(found), found);
        if (NativeLibrary.TryLoad(FileName, out nint library))
            return CheckVersion(library, FileName);
        throw new DllNotFoundException(
            $"The native library {FileName} was not found next to the program ({AppContext.BaseDirectory}) nor in {Path.Combine("runtimes", RuntimeInformation.RuntimeIdentifier, "native")} below it. "
            + $"Build it with '{BuildCommand}' and copy it there, or set {Variable} to its path.");
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
                : throw new DllNotFoundException($"{Variable} is set to {chosen}, where nothing is. Set it to the path of {FileName}, or unset it. The library is built with '{BuildCommand}'.");
        }
        string[] candidates = [Path.Combine(folder, FileName), Path.Combine(folder, "runtimes", RuntimeInformation.RuntimeIdentifier, "native", FileName)];
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
            throw new DllNotFoundException($"{path} has ABI version {found}, this package needs {NativeMethods.AbiVersion}. Build both from one source: '{BuildCommand}'.");
        return library;
    }
}
