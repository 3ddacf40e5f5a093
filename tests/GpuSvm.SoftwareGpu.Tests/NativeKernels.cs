// SPDX-License-Identifier: MIT
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace GpuSvm.SoftwareGpu.Tests;

/// <summary>The C kernels of kernels.c, compiled once by the machine's C compiler against gpusvm.h.</summary>
internal static class NativeKernels
{
    private static readonly Lazy<nint> _library = new(Compile);

    /// <summary>The address of a function; skips the test where there is no C compiler.</summary>
    internal static nint Find(string name)
    {
        nint library = _library.Value;
        Assert.SkipWhen(library == 0, "needs a C compiler: no cc in the path");
        return NativeLibrary.GetExport(library, name);
    }

    private static nint Compile()
    {
        string folder = Directory.CreateTempSubdirectory("gpusvm-kernels").FullName;
        string output = Path.Combine(folder, "kernels.so");
        string source = Path.Combine(AppContext.BaseDirectory, "kernels.c");
        try
        {
            using Process compiler = Process.Start(new ProcessStartInfo("cc", ["-O3", "-std=c11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-I", AppContext.BaseDirectory, "-o", output, source]) { RedirectStandardError = true })!;
            string errors = compiler.StandardError.ReadToEnd();
            compiler.WaitForExit();
            Assert.True(compiler.ExitCode == 0, errors);
            return NativeLibrary.Load(output);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true); // Once loaded the file is not needed.
        }
    }
}
