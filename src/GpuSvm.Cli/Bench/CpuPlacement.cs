// SPDX-License-Identifier: MIT
using System.ComponentModel;
using System.Runtime.InteropServices;
using GpuSvm.Cli.Interop;

namespace GpuSvm.Cli.Bench;

/// <summary>Where threads may run and where they do: half of every latency figure on a virtual machine.</summary>
internal static class CpuPlacement
{
    /// <summary>64-bit words of a CPU mask: 1024 CPUs, what the C library's cpu_set_t holds.</summary>
    private const int MaskWords = 16;

    /// <summary>The CPUs that the calling thread may run on, ascending.</summary>
    public static IReadOnlyList<int> Allowed()
    {
        Span<ulong> mask = stackalloc ulong[MaskWords];
        mask.Clear();
        Check(Libc.sched_getaffinity(0, MaskWords * sizeof(ulong), mask));
        var cpus = new List<int>();
        for (var cpu = 0; cpu < MaskWords * 64; cpu++)
        {
            if ((mask[cpu / 64] >> (cpu % 64) & 1) != 0)
                cpus.Add(cpu);
        }

        return cpus;
    }

    /// <summary>Limits the calling thread to one CPU; threads that it creates from here on inherit that.</summary>
    /// <param name="cpu">A CPU from <see cref="Allowed"/>.</param>
    public static void Pin(int cpu)
    {
        Span<ulong> mask = stackalloc ulong[MaskWords];
        mask.Clear();
        mask[cpu / 64] = 1UL << (cpu % 64);
        Check(Libc.sched_setaffinity(0, MaskWords * sizeof(ulong), mask));
    }

    /// <summary>The CPU the calling thread is on at this moment.</summary>
    public static int Current() => Libc.sched_getcpu();

    /// <summary>The pinned placement in words.</summary>
    /// <param name="settings">Where to pin.</param>
    public static string PinText(BenchSettings settings)
        => settings.FaulterCpu == settings.HandlerCpu ? $"both on CPU {settings.FaulterCpu}" : $"CPUs {settings.FaulterCpu} and {settings.HandlerCpu}";

    /// <summary>The threads of this process by id.</summary>
    public static HashSet<string> Threads() => [.. Directory.EnumerateDirectories("/proc/self/task").Select(path => Path.GetFileName(path)!)];

    /// <summary>Where threads that were created since last ran, as "name on CPU 1".</summary>
    /// <param name="before">The threads that were there before.</param>
    public static string Describe(HashSet<string> before)
    {
        var parts = new List<string>();
        foreach (var thread in Threads().Except(before).Order(StringComparer.Ordinal))
        {
            try
            {
                var stat = File.ReadAllText($"/proc/self/task/{thread}/stat");

                // The name may hold blanks and brackets; fields are counted behind its last bracket, where the state is number 3. The CPU is number 39.
                var end = stat.LastIndexOf(')');
                var name = stat[(stat.IndexOf('(', StringComparison.Ordinal) + 1)..end];
                if (!name.StartsWith(".NET", StringComparison.Ordinal))
                    parts.Add($"{name} on CPU {stat[(end + 2)..].Split(' ')[39 - 3]}");
            }
            catch (IOException)
            {
                // The thread ended meanwhile: nothing to tell about it.
            }
        }

        var counted = parts.GroupBy(part => part).Select(group => group.Count() > 1 ? $"{group.Count()} x {group.Key}" : group.Key);
        return parts.Count == 0 ? "not known" : string.Join(", ", counted);
    }

    /// <summary>Runs work on a thread of its own, so that pinning ends with it, and rethrows what it throws.</summary>
    /// <param name="work">The work.</param>
    public static T OnOwnThread<T>(Func<T> work)
    {
        T result = default!;
        System.Runtime.ExceptionServices.ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                result = work();
            }
            catch (Exception e)
            {
                failure = System.Runtime.ExceptionServices.ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result;
    }

    /// <summary>Turns a failed call into an error that names the cause.</summary>
    private static void Check(int result)
    {
        if (result < 0)
            throw new InputException($"threads cannot be placed on CPUs: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}; choose others with --pin");
    }
}
