// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Conformance;

/// <summary>All that is known of one page, before and after a step.</summary>
/// <param name="Page">The page, counted from the area's start.</param>
/// <param name="Before">Mapping, host page, page entry and the devices' table entries, in few words.</param>
/// <param name="After">The same after the step.</param>
public sealed record TracePageState(int Page, string Before, string After);
