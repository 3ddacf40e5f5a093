// SPDX-License-Identifier: MIT
using System.Globalization;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Exporting;

/// <summary>Makes one row of every record.</summary>
/// <param name="take">Gets the rows.</param>
internal sealed class RowSink(Action<ExportRow> take) : ITraceSink
{
    /// <inheritdoc/>
    public void Access(in TraceAccess access) => take(new ExportRow("Access", access.Time)
    {
        Address = access.Address.Value, Bytes = access.Bytes, Agent = access.Agent.ToString(), Detail = access.Kind.ToString(),
    });

    /// <inheritdoc/>
    public void Kernel(in TraceKernel kernel) => take(new ExportRow("Kernel", kernel.Time)
    {
        Agent = TraceAgent.Device(kernel.Device).ToString(), Detail = kernel.IsEnd ? "End" : "Begin", Name = string.Create(CultureInfo.InvariantCulture, $"{kernel.Id} {kernel.Name}"),
    });

    /// <inheritdoc/>
    public void Mapping(in TraceMapping mapping) => take(new ExportRow("Mapping", mapping.Time)
    {
        Address = mapping.Interval.Start.Value, Bytes = mapping.Interval.Bytes, Detail = mapping.IsUnmap ? "Unmap" : "Map", Name = mapping.Name,
    });

    /// <inheritdoc/>
    public void Advice(in TraceAdvice advice) => take(new ExportRow("Advice", advice.Time)
    {
        Address = advice.Interval.Start.Value, Bytes = advice.Interval.Bytes, Detail = advice.Advice.ToString(),
    });

    /// <inheritdoc/>
    public void Prefetch(in TracePrefetch prefetch) => take(new ExportRow("Prefetch call", prefetch.Time)
    {
        Address = prefetch.Interval.Start.Value, Bytes = prefetch.Interval.Bytes, To = Place(prefetch.Destination),
    });

    /// <inheritdoc/>
    public void Bind(in TraceBind bind) => take(new ExportRow("Bind", bind.Time)
    {
        Address = bind.Interval.Start.Value, Bytes = bind.Interval.Bytes, Agent = TraceAgent.Device(bind.Device).ToString(), From = Place(bind.Place), Detail = bind.IsWritable ? "Writable" : "ReadOnly",
    });

    /// <inheritdoc/>
    public void Event(in SvmEvent one) => take(new ExportRow(one.Kind.ToString(), one.Timestamp)
    {
        Duration = one.Duration,
        Address = one.Address.Value,
        Bytes = one.Bytes,
        From = one.From == SvmPlace.None ? null : Place(one.From),
        To = one.To == SvmPlace.None ? null : Place(one.To),
        Detail = one.Kind == SvmEventKind.Invalidation ? one.Change.ToString() : IsFault(one.Kind) ? one.Access.ToString() : null,
        Cause = one.Cause == MigrationCause.None ? null : one.Cause.ToString(),
        Status = one.Status.ToString(),
        Culprit = one.Culprit.Value == 0 ? null : one.Culprit.Value,
    });

    /// <summary>A place in words.</summary>
    /// <param name="place">As <see cref="SvmPlace"/>.</param>
    /// <returns>"RAM", "device 0", or "none".</returns>
    public static string Place(short place) => place switch { SvmPlace.Ram => "RAM", < 0 => "none", _ => TraceAgent.Device(place).ToString() };

    /// <summary>On whose tracks an event is drawn: the device's that it is about, and what leaves a device is about that.</summary>
    /// <param name="one">The event.</param>
    /// <returns>A device, or anything else for the CPU.</returns>
    public static short OwnerOf(in SvmEvent one) => one.To >= 0 ? one.To : one.From;

    /// <summary>Whether an event's access says something.</summary>
    /// <param name="kind">Its kind.</param>
    /// <returns>True for faults.</returns>
    private static bool IsFault(SvmEventKind kind) => kind is SvmEventKind.CpuFault or SvmEventKind.GpuFault or SvmEventKind.FatalFault or SvmEventKind.FaultReplay;
}
