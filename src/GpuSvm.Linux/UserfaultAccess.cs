// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Linux.Interop;

namespace GpuSvm.Linux;

/// <summary>The two roads to a userfaultfd descriptor, the handshake, and the sentence to say when there is none.</summary>
internal static unsafe class UserfaultAccess
{
    /// <summary>What the heap's descriptor cannot do without.</summary>
    internal const ulong NeededFeatures = UserfaultConstants.UFFD_FEATURE_PAGEFAULT_FLAG_WP | UserfaultConstants.UFFD_FEATURE_MOVE
        | UserfaultConstants.UFFD_FEATURE_POISON | UserfaultConstants.UFFD_FEATURE_THREAD_ID | UserfaultConstants.UFFD_FEATURE_EXACT_ADDRESS;

    /// <summary>What announcing changes of the heap needs.</summary>
    /// <remarks>Not EVENT_FORK: a child gets what is registered only when no page of it is missing, so no fork has to wait for us (docs/adr/0021).</remarks>
    internal const ulong EventFeatures = UserfaultConstants.UFFD_FEATURE_EVENT_REMOVE | UserfaultConstants.UFFD_FEATURE_EVENT_UNMAP
        | UserfaultConstants.UFFD_FEATURE_EVENT_REMAP;

    /// <summary>The device through which file permissions, rather than capabilities, decide.</summary>
    internal const string DevicePath = "/dev/userfaultfd";

    /// <summary>Opens a descriptor and makes the handshake.</summary>
    /// <param name="features">UFFD_FEATURE_* to ask for.</param>
    /// <param name="allowUserModeOnly">Whether one that serves user mode only will do.</param>
    /// <param name="userfault">The descriptor, or null.</param>
    /// <param name="userModeOnly">Whether it serves user mode only.</param>
    /// <param name="reason">Why there is none and what to do; empty if there is one.</param>
    /// <returns>True if there is one.</returns>
    internal static bool TryOpen(ulong features, bool allowUserModeOnly, out Userfaultfd? userfault, out bool userModeOnly, out string reason)
    {
        userfault = null;
        int descriptor = OpenRaw(allowUserModeOnly, out userModeOnly, out reason);
        if (descriptor < 0)
            return false;

        // SAFETY: the structure lives on this stack frame for the whole call.
        var api = new UffdioApi { Api = UserfaultConstants.UFFD_API, Features = features };
        if (Libc.ioctl(descriptor, UserfaultConstants.UFFDIO_API, &api) == 0)
        {
            userfault = new Userfaultfd(descriptor);
            return true;
        }

        _ = Libc.close(descriptor);
        ulong missing = features & ~QueryFeatures();
        reason = (missing & UserfaultConstants.UFFD_FEATURE_MOVE) != 0
            ? $"this kernel ({Environment.OSVersion.Version}) cannot move pages between mappings (UFFDIO_MOVE): install Linux 6.8 or later."
            : $"this kernel ({Environment.OSVersion.Version}) lacks userfaultfd features 0x{missing:x}: install Linux 6.8 or later.";
        return false;
    }

    /// <summary>All features of this kernel's userfaultfd; 0 if no descriptor can be had.</summary>
    /// <returns>The UFFD_FEATURE_* bits.</returns>
    internal static ulong QueryFeatures()
    {
        int descriptor = OpenRaw(allowUserModeOnly: true, out _, out _);
        if (descriptor < 0)
            return 0;

        // SAFETY: as in TryOpen. Asked for nothing, the kernel answers with all it has.
        var api = new UffdioApi { Api = UserfaultConstants.UFFD_API };
        int result = Libc.ioctl(descriptor, UserfaultConstants.UFFDIO_API, &api);
        _ = Libc.close(descriptor);
        return result == 0 ? api.Features : 0;
    }

    /// <summary>Opens a descriptor by the system call, else by the device, else for user mode only.</summary>
    /// <param name="allowUserModeOnly">Whether the last will do.</param>
    /// <param name="userModeOnly">Whether it came to that.</param>
    /// <param name="reason">Why there is none and what to do.</param>
    /// <returns>The descriptor, or -1.</returns>
    internal static int OpenRaw(bool allowUserModeOnly, out bool userModeOnly, out string reason)
    {
        const int Flags = LinuxConstants.O_CLOEXEC | LinuxConstants.O_NONBLOCK;
        userModeOnly = false;
        reason = "";
        int descriptor = (int)Libc.syscall(LinuxConstants.SYS_userfaultfd, Flags, 0);
        int callError = descriptor >= 0 ? 0 : Marshal.GetLastPInvokeError();
        if (descriptor >= 0)
            return descriptor;

        descriptor = OpenDevice(Flags, out int deviceError);
        if (descriptor >= 0)
            return descriptor;

        if (allowUserModeOnly)
        {
            descriptor = (int)Libc.syscall(LinuxConstants.SYS_userfaultfd, Flags | UserfaultConstants.UFFD_USER_MODE_ONLY, 0);
            userModeOnly = descriptor >= 0;
            if (userModeOnly)
                return descriptor;
        }

        reason = Explain(callError, deviceError);
        return -1;
    }

    /// <summary>Asks /dev/userfaultfd for a descriptor.</summary>
    /// <param name="flags">O_* flags of the new descriptor.</param>
    /// <param name="error">Why there is none.</param>
    /// <returns>The descriptor, or -1.</returns>
    internal static int OpenDevice(int flags, out int error)
    {
        error = 0;
        int device = Libc.open(DevicePath, LinuxConstants.O_RDWR | LinuxConstants.O_CLOEXEC);
        if (device < 0)
        {
            error = Marshal.GetLastPInvokeError();
            return -1;
        }

        int descriptor = Libc.ioctl_value(device, UserfaultConstants.USERFAULTFD_IOC_NEW, flags);
        if (descriptor < 0)
            error = Marshal.GetLastPInvokeError();
        _ = Libc.close(device);
        return descriptor;
    }

    /// <summary>Turns two refusals into one sentence with one command.</summary>
    /// <param name="callError">What the system call said.</param>
    /// <param name="deviceError">What the device said.</param>
    /// <returns>Obstacle and remedy.</returns>
    internal static string Explain(int callError, int deviceError)
    {
        if (callError == Errno.ENOSYS)
            return "this kernel has no userfaultfd, or the container hides it: build the kernel with CONFIG_USERFAULTFD=y, or run the container with --security-opt seccomp=unconfined.";
        bool sysctlAllows = ReadNumber("/proc/sys/vm/unprivileged_userfaultfd") == 1;
        if (callError == Errno.EPERM && (sysctlAllows || HasPtraceCapability()))
            return "the userfaultfd call is filtered although this account may make it, as containers do: run the container with --security-opt seccomp=unconfined (or a profile that allows userfaultfd).";
        if (callError == Errno.EPERM)
        {
            string device = deviceError == Errno.EACCES
                ? $", or for this account alone: sudo setfacl -m u:$USER:rw {DevicePath}"
                : "";
            return $"this account may not use userfaultfd: sudo sysctl -w vm.unprivileged_userfaultfd=1{device} (or give the program CAP_SYS_PTRACE).";
        }

        return $"userfaultfd failed with error {callError}: {Marshal.GetPInvokeErrorMessage(callError)}; raise the limit it names (ulimit -n for open files).";
    }

    /// <summary>Whether the effective capabilities hold CAP_SYS_PTRACE (19), which the call asks for.</summary>
    /// <returns>True if they do.</returns>
    internal static bool HasPtraceCapability()
    {
        foreach (string line in File.ReadLines("/proc/self/status"))
        {
            if (line.StartsWith("CapEff:", StringComparison.Ordinal))
                return (Convert.ToUInt64(line[7..].Trim(), 16) >> 19 & 1) != 0;
        }

        return false;
    }

    /// <summary>Reads a file that holds one number.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The number, or -1 if there is none.</returns>
    internal static long ReadNumber(string path)
    {
        try
        {
            return long.Parse(File.ReadAllText(path), System.Globalization.CultureInfo.InvariantCulture);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or FormatException)
        {
            return -1;
        }
    }
}
