// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Host;

/// <summary>Who waits for pages whose claims have ended.</summary>
internal enum SettleResult
{
    /// <summary>No CPU thread.</summary>
    Nobody,

    /// <summary>CPU threads on pages of the claimed interval.</summary>
    Interval,

    /// <summary>CPU threads on pages that have moved to other addresses meanwhile.</summary>
    Everybody,
}
