// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Linux;

/// <summary>Checks of the machine around the kernel: tools, GPU, CPUs. For information; none of them keeps real memory from working.</summary>
internal static class MachineProbe
{
    private static readonly string[] _linkers = ["clang", "gcc", "cc"];

    /// <summary>Whether there is a C compiler driver, which building the native library links with.</summary>
    internal static ProbeResult CLinker()
    {
        const string Name = "C linker";
        foreach (string linker in _linkers)
        {
            if (FindOnPath(linker) is string path)
                return LinuxProbe.Good(Name, path);
        }

        return LinuxProbe.Lacking(Name, "neither clang nor gcc on PATH: libgpusvm.so cannot be built here", "sudo apt-get install gcc libc6-dev zlib1g-dev");
    }

    /// <summary>Which NVIDIA GPUs there are, and whether their driver can be reached.</summary>
    internal static ProbeResult Gpu()
    {
        const string Name = "GPU";
        string[] nodes = Directory.Exists("/dev") ? Directory.GetFiles("/dev", "nvidia?") : [];
        bool library = NativeLibrary.TryLoad("libcuda.so.1", out nint handle);
        if (library)
            NativeLibrary.Free(handle);
        if (nodes.Length == 0)
            return LinuxProbe.Good(Name, "none; the software GPU is used");
        string version = ReadFirstLine("/proc/driver/nvidia/version");
        return library
            ? LinuxProbe.Good(Name, $"{nodes.Length} NVIDIA device(s); {version}")
            : LinuxProbe.Lacking(Name, $"{nodes.Length} NVIDIA device(s), but libcuda.so.1 does not load", "install the driver's user-space part (libcuda1), or run the container with --gpus all");
    }

    /// <summary>How many CPUs this process may use, and of which kind.</summary>
    internal static ProbeResult Cpus()
    {
        string model = "";
        string hypervisor = "";
        foreach (string line in File.ReadLines("/proc/cpuinfo"))
        {
            if (line.StartsWith("model name", StringComparison.Ordinal))
                model = line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
            if (line.StartsWith("flags", StringComparison.Ordinal))
            {
                hypervisor = line.Contains(" hypervisor", StringComparison.Ordinal) ? ", virtual: wake-ups between CPUs are slow here" : "";
                break;
            }
        }

        return LinuxProbe.Good("CPUs", $"{Environment.ProcessorCount} {model}{hypervisor}".TrimEnd());
    }

    /// <summary>Finds a program.</summary>
    /// <param name="name">Its file name.</param>
    /// <returns>Its path, or null.</returns>
    private static string? FindOnPath(string name)
    {
        foreach (string folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries))
        {
            string path = Path.Combine(folder, name);
            if (File.Exists(path))
                return path;
        }

        return null;
    }

    /// <summary>The first line of a file.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The line; empty if there is none.</returns>
    private static string ReadFirstLine(string path)
    {
        try
        {
            return File.ReadLines(path).FirstOrDefault() ?? "";
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
