// SPDX-License-Identifier: MIT
namespace GpuSvm.Native;

/// <summary>How loud a message is: gpusvm_log_level.</summary>
internal enum LogLevel
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>An internal error.</summary>
    Error = 1,

    /// <summary>Something that the program should know of.</summary>
    Warning = 2,

    /// <summary>What began and ended.</summary>
    Info = 3,

    /// <summary>Every call that failed.</summary>
    Debug = 4,
}
