// SPDX-License-Identifier: MIT
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Native;

/// <summary>What a gpusvm_events handle stands for.</summary>
/// <param name="Owner">The session whose events they are.</param>
/// <param name="Stream">The stream; it may be read after the session has ended.</param>
internal sealed record SessionEvents(Session Owner, SvmEventStream Stream);
