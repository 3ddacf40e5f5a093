// SPDX-License-Identifier: MIT
namespace GpuSvm.Linux;

/// <summary>The system's setting for huge pages of anonymous memory.</summary>
internal static class TransparentHugePages
{
    /// <summary>Where the setting stands.</summary>
    internal const string Path = "/sys/kernel/mm/transparent_hugepage/enabled";

    /// <summary>The setting in force: "always", "madvise", "never", or empty where the kernel has none.</summary>
    internal static string Mode
    {
        get
        {
            try
            {
                string text = File.ReadAllText(Path); // For example "always [madvise] never".
                int open = text.IndexOf('[', StringComparison.Ordinal);
                int close = text.IndexOf(']', StringComparison.Ordinal);
                return open >= 0 && close > open ? text[(open + 1)..close] : "";
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                return "";
            }
        }
    }

    /// <summary>Whether a mapping that asks for huge pages gets them.</summary>
    internal static bool AreAvailable => Mode is "always" or "madvise";
}
