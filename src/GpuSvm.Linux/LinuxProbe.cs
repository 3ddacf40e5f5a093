// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Linux.Interop;

namespace GpuSvm.Linux;

/// <summary>Looks at everything on this machine that real shared memory depends on, and names the remedy for each lack. Changes nothing.</summary>
public static unsafe class LinuxProbe
{
    private const ulong AllBits = ulong.MaxValue;

    /// <summary>Runs all checks; some milliseconds.</summary>
    /// <returns>One result per check, in the order in which they matter. Never throws for what the machine lacks.</returns>
    public static IReadOnlyList<ProbeResult> Run()
    {
        var results = new List<ProbeResult> { Kernel(), Access(), UserModeOnly() };
        ulong features = UserfaultAccess.QueryFeatures();
        results.Add(Feature(features, "userfaultfd move", UserfaultConstants.UFFD_FEATURE_MOVE, "6.8"));
        results.Add(Feature(features, "userfaultfd write-protect", UserfaultConstants.UFFD_FEATURE_PAGEFAULT_FLAG_WP, "5.7"));
        results.Add(Feature(features, "userfaultfd events", UserfaultAccess.EventFeatures, "4.11"));
        results.Add(Feature(features, "userfaultfd poison", UserfaultConstants.UFFD_FEATURE_POISON, "6.6"));
        results.Add(Feature(features, "userfaultfd addresses", UserfaultConstants.UFFD_FEATURE_EXACT_ADDRESS | UserfaultConstants.UFFD_FEATURE_THREAD_ID, "5.18"));
        results.Add(RealMemory());
        results.Add(HugePages());
        results.Add(PagemapScan());
        results.Add(ProcmapQuery());
        results.Add(LockedMemory());
        results.Add(Overcommit());
        results.Add(Mappings());
        results.Add(Membarrier());
        results.Add(MachineProbe.CLinker());
        results.Add(MachineProbe.Gpu());
        results.Add(MachineProbe.Cpus());
        return results;
    }

    /// <summary>A result that is as it should be.</summary>
    /// <param name="name">What was looked at.</param>
    /// <param name="detail">What was found.</param>
    /// <returns>The result.</returns>
    internal static ProbeResult Good(string name, string detail) => new(name, true, detail, "");

    /// <summary>A result that is not.</summary>
    /// <param name="name">What was looked at.</param>
    /// <param name="detail">What was found.</param>
    /// <param name="remedy">What to do.</param>
    /// <returns>The result.</returns>
    internal static ProbeResult Lacking(string name, string detail, string remedy) => new(name, false, detail, remedy);

    /// <summary>The kernel's version; UFFDIO_MOVE came with 6.8.</summary>
    private static ProbeResult Kernel()
    {
        Version version = Environment.OSVersion.Version;
        string text = $"Linux {version}";
        return version >= new Version(6, 8) ? Good("kernel", text) : Lacking("kernel", text, "install Linux 6.8 or later");
    }

    /// <summary>Which road leads to a userfaultfd descriptor.</summary>
    private static ProbeResult Access()
    {
        const string Name = "userfaultfd access";
        int descriptor = (int)Libc.syscall(LinuxConstants.SYS_userfaultfd, LinuxConstants.O_CLOEXEC, 0);
        if (descriptor >= 0)
        {
            _ = Libc.close(descriptor);
            return Good(Name, "by the system call");
        }

        int callError = Marshal.GetLastPInvokeError();
        descriptor = UserfaultAccess.OpenDevice(LinuxConstants.O_CLOEXEC, out int deviceError);
        if (descriptor >= 0)
        {
            _ = Libc.close(descriptor);
            return Good(Name, $"by {UserfaultAccess.DevicePath}");
        }

        string reason = UserfaultAccess.Explain(callError, deviceError);
        int colon = reason.IndexOf(": ", StringComparison.Ordinal);
        return Lacking(Name, reason[..colon], reason[(colon + 2)..]);
    }

    /// <summary>Whether faults from inside the kernel, as read(2) into shared memory makes them, are served too.</summary>
    private static ProbeResult UserModeOnly()
    {
        const string Name = "faults in system calls";
        int descriptor = UserfaultAccess.OpenRaw(allowUserModeOnly: true, out bool userModeOnly, out _);
        if (descriptor < 0)
            return Lacking(Name, "no descriptor", "see userfaultfd access");
        _ = Libc.close(descriptor);
        return userModeOnly
            ? Lacking(Name, "user mode only: read(2) into shared memory would fail with EFAULT", "sudo sysctl -w vm.unprivileged_userfaultfd=1")
            : Good(Name, "served");
    }

    /// <summary>Whether the kernel has a userfaultfd feature.</summary>
    /// <param name="features">All it has.</param>
    /// <param name="name">The feature in words.</param>
    /// <param name="bits">Its bits.</param>
    /// <param name="since">The kernel that brought it.</param>
    private static ProbeResult Feature(ulong features, string name, ulong bits, string since) => (features & bits) == bits
        ? Good(name, "available")
        : Lacking(name, features == 0 ? "unknown: no descriptor" : "not in this kernel", features == 0 ? "see userfaultfd access" : $"install Linux {since} or later");

    /// <summary>Sets real memory up and takes it down again.</summary>
    private static ProbeResult RealMemory() => UserfaultHostMemory.TryProbe(out string reason)
        ? Good("real shared memory", "works")
        : Lacking("real shared memory", reason, "see above");

    /// <summary>Whether 2 MiB pages are given to who asks.</summary>
    private static ProbeResult HugePages()
    {
        const string Name = "transparent huge pages";
        string mode = TransparentHugePages.Mode;
        return TransparentHugePages.AreAvailable
            ? Good(Name, mode)
            : Lacking(Name, mode.Length == 0 ? "not in this kernel" : mode, $"echo madvise | sudo tee {TransparentHugePages.Path}");
    }

    /// <summary>Whether page states can be asked for.</summary>
    private static ProbeResult PagemapScan()
    {
        const string Name = "page states (PAGEMAP_SCAN)";
        try
        {
            using var pagemap = new Pagemap();
            return Good(Name, "available");
        }
        catch (HostMemoryUnavailableException exception)
        {
            return Lacking(Name, exception.Message, "install Linux 6.7 or later");
        }
    }

    /// <summary>Whether the mapping of an address can be asked for: what mprotect has changed, and what attached memory is.</summary>
    private static ProbeResult ProcmapQuery()
    {
        const string Name = "mappings (PROCMAP_QUERY)";
        int maps = Libc.open("/proc/self/maps", LinuxConstants.O_RDONLY | LinuxConstants.O_CLOEXEC);

        // SAFETY: the structure lives on this frame; it is asked for itself.
        var query = new ProcmapQuery { Size = (ulong)sizeof(ProcmapQuery) };
        query.QueryAddress = (ulong)&query;
        bool works = maps >= 0 && Libc.ioctl(maps, PagemapConstants.PROCMAP_QUERY, &query) == 0;
        if (maps >= 0)
            _ = Libc.close(maps);
        return works ? Good(Name, "available") : Lacking(Name, "not in this kernel: protections that a program changes are not heard of, and memory it has cannot be attached", "install Linux 6.11 or later");
    }

    /// <summary>How much memory may be locked; pinning for a real GPU counts against it.</summary>
    private static ProbeResult LockedMemory()
    {
        const string Name = "locked memory limit";
        RLimit limit;
        if (Libc.getrlimit(LinuxConstants.RLIMIT_MEMLOCK, &limit) != 0) // SAFETY: the structure lives on this frame.
            return Lacking(Name, "cannot be read", "");
        string text = limit.Current == AllBits ? "unlimited" : $"{limit.Current >> 10} KiB";
        return limit.Current == AllBits || limit.Current >= 1ul << 30
            ? Good(Name, text)
            : new ProbeResult(Name, true, $"{text}; enough for the software GPU", "for a real GPU: ulimit -l unlimited");
    }

    /// <summary>Whether address space costs nothing before it is used.</summary>
    private static ProbeResult Overcommit()
    {
        const string Name = "overcommit";
        long mode = UserfaultAccess.ReadNumber("/proc/sys/vm/overcommit_memory");
        return mode == 2
            ? Lacking(Name, "strict (2): reservations count as used memory", "sudo sysctl -w vm.overcommit_memory=0")
            : Good(Name, mode switch { 0 => "heuristic (0)", 1 => "always (1)", _ => "unknown" });
    }

    /// <summary>How many mappings a process may have; each allocation takes two.</summary>
    private static ProbeResult Mappings()
    {
        const string Name = "mappings per process";
        long limit = UserfaultAccess.ReadNumber("/proc/sys/vm/max_map_count");
        return limit is < 0 or >= 65530 ? Good(Name, $"{limit}") : Lacking(Name, $"{limit}", "sudo sysctl -w vm.max_map_count=262144");
    }

    /// <summary>Whether one thread can pay for the memory barriers of all.</summary>
    private static ProbeResult Membarrier()
    {
        const string Name = "process-wide barrier";
        nint commands = Libc.syscall(LinuxConstants.SYS_membarrier, LinuxConstants.MEMBARRIER_CMD_QUERY, 0);
        return commands >= 0 && (commands & LinuxConstants.MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0
            ? Good(Name, "membarrier, expedited")
            : Lacking(Name, "no membarrier: invalidations take a slower road", "run the container with a seccomp profile that allows membarrier");
    }
}
