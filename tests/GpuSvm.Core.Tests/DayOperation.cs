// SPDX-License-Identifier: MIT
using System.Globalization;
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Core.Tests;

/// <summary>One operation of a day's history, as drawn: what its numbers mean depends on what is mapped when it is played, so that any part of a history is a history.</summary>
/// <param name="Kind">What happens.</param>
/// <param name="Place">Who does it, for what a device or a VM does.</param>
/// <param name="Page">Where.</param>
/// <param name="Pages">How much.</param>
/// <param name="Value">Everything else: the bytes, the offset, the advice.</param>
/// <param name="Pause">How much time passes before it.</param>
/// <param name="Fails">What fails on purpose while it lasts; null for nothing.</param>
/// <param name="Hit">Which hit of that fails.</param>
internal readonly record struct DayOperation(DayOperationKind Kind, int Place, int Page, int Pages, int Value, TimeSpan Pause, InjectionPoint? Fails, int Hit)
{
    /// <summary>The operation as one line, without what happened.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Kind} place {Place}, page {Page}, {Pages} pages, value {Value}, {Pause.TotalMilliseconds} ms later{(Fails is { } point ? $", {point} fails at hit {Hit}" : "")}");
}
