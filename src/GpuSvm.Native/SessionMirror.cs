// SPDX-License-Identifier: MIT
using GpuSvm.SoftwareGpu.Mirror;

namespace GpuSvm.Native;

/// <summary>A mirror device with the session it belongs to, as C sees it.</summary>
/// <param name="Owner">The session.</param>
/// <param name="Device">The device.</param>
internal sealed record SessionMirror(Session Owner, MirrorDevice Device);
