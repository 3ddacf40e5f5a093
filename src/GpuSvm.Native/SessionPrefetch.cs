// SPDX-License-Identifier: MIT
using GpuSvm.Core.Vm;

namespace GpuSvm.Native;

/// <summary>What a gpusvm_prefetch_operation handle stands for.</summary>
/// <param name="Owner">The session whose memory it moves.</param>
/// <param name="Operation">The operation; it may be asked after the session has ended.</param>
internal sealed record SessionPrefetch(Session Owner, PrefetchOperation Operation);
