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
        List<string> tried = [];
        foreach (string candidate in Candidates())
        {
            if (!File.Exists(candidate))
            {
                tried.Add(candidate);
                continue;
            }
            return CheckVersion(NativeLibrary.Load(candidate), candidate);
        }
        if (NativeLibrary.TryLoad(FileName, out nint library))
            return CheckVersion(library, FileName);
        throw new DllNotFoundException(
            $"The native library {FileName} was not found. Build it with '{BuildCommand}' and copy it next to the program, or set GPUSVM_LIBRARY to its path. "
            + $"Looked at: {string.Join(", ", tried)}.");
    }

    /// <summary>The paths to try, best first.</summary>
    /// <returns>Full paths; the files may not exist.</returns>
    private static IEnumerable<string> Candidates()
    {
        if (Environment.GetEnvironmentVariable("GPUSVM_LIBRARY") is { Length: > 0 } chosen)
            yield return chosen;
        yield return Path.Combine(AppContext.BaseDirectory, FileName);
        yield return Path.Combine(AppContext.BaseDirectory, "runtimes", RuntimeInformation.RuntimeIdentifier, "native", FileName);
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
