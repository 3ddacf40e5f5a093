// SPDX-License-Identifier: MIT
using System.Diagnostics.Metrics;
using System.Globalization;
using GpuSvm.Interop;

namespace GpuSvm.Observing;

/// <summary>The meter "GpuSvm": what `dotnet-counters monitor --counters GpuSvm` and OpenTelemetry show of this process's shared memory. docs/observing.md lists its instruments.</summary>
/// <remarks>All instruments are observable: a listener that asks makes the library's counters be read, and while nobody asks nothing happens at all.</remarks>
internal static class SvmMetrics
{
    private static readonly Meter _meter = new("GpuSvm");

    /// <summary>Makes the instruments.</summary>
    static SvmMetrics()
    {
        _meter.CreateObservableCounter("gpusvm.faults", () => Read("side", ("gpu", s => s.GpuFaults), ("cpu", s => s.CpuFaults)), "{fault}", "Faults served.");
        _meter.CreateObservableCounter("gpusvm.faults.failed", () => Read("side", ("gpu", s => s.GpuFaultsFailed)), "{fault}", "GPU faults refused with a status.");
        _meter.CreateObservableCounter(
            "gpusvm.migrated", static () => ReadDevices("direction", ("to_device", d => d.BytesToDevice), ("to_ram", d => d.BytesToRam)), "By", "Bytes migrated.");
        _meter.CreateObservableCounter("gpusvm.evictions", static () => ReadDevices(null, ("", d => d.Evictions)), "{block}", "Blocks pushed out of device memory to make room.");
        _meter.CreateObservableCounter("gpusvm.launches", static () => ReadDevices(null, ("", d => d.Launches)), "{launch}", "Launches started.");
        _meter.CreateObservableCounter("gpusvm.invalidations", () => Read("side", ("gpu", s => s.Invalidations)), "{event}", "Events that took mappings from devices.");
        _meter.CreateObservableGauge("gpusvm.device.resident", static () => ReadDevices(null, ("", d => d.UsedBytes)), "By", "Device memory in use.");
        _meter.CreateObservableGauge("gpusvm.device.size", static () => ReadDevices(null, ("", d => d.MemoryBytes)), "By", "The device memory's size.");
        _meter.CreateObservableGauge("gpusvm.allocated", () => Read("side", ("both", s => s.HeapBytes)), "By", "Shared memory allocated.");
        _meter.CreateObservableCounter(
            "gpusvm.leaks",
            static () => new Measurement<long>[] { new(LeakReports.Arrays, new KeyValuePair<string, object?>("kind", "array")), new(LeakReports.Memories, new KeyValuePair<string, object?>("kind", "memory")), new(LeakReports.Vms, new KeyValuePair<string, object?>("kind", "vm")) },
            "{object}",
            "Objects that nobody disposed.");
        _meter.CreateObservableGauge("gpusvm.fault.duration", ReadDurations, "s", "Service time of faults since the memory was opened, by quantile.");
    }

    /// <summary>Makes the meter known to listeners; called when a memory is opened.</summary>
    public static void Publish()
    {
        // The static constructor does it.
    }

    /// <summary>Measures all memories.</summary>
    /// <param name="tag">What the values of one memory differ by.</param>
    /// <param name="values">The tag's value with where the number is.</param>
    /// <returns>One measurement for each memory and value.</returns>
    private static List<Measurement<long>> Read(string tag, params (string Name, Func<SvmStatistics, long> Value)[] values)
    {
        List<Measurement<long>> measurements = [];
        OpenMemories.ForEach((handle, number) =>
        {
            SvmStatistics statistics = NativeQueries.Statistics(handle).ToStatistics();
            foreach ((string name, Func<SvmStatistics, long> value) in values)
                measurements.Add(new Measurement<long>(value(statistics), new("memory", number), new(tag, name)));
        });

        return measurements;
    }

    /// <summary>Measures all devices of all memories.</summary>
    /// <param name="tag">What the values of one device differ by; null if there is one value only.</param>
    /// <param name="values">The tag's value with where the number is.</param>
    /// <returns>One measurement for each device and value.</returns>
    private static List<Measurement<long>> ReadDevices(string? tag, params (string Name, Func<DeviceStatistics, long> Value)[] values)
    {
        List<Measurement<long>> measurements = [];
        OpenMemories.ForEachDevice((handle, number, device) =>
        {
            DeviceStatistics statistics = NativeQueries.Device(handle, device);
            var where = new KeyValuePair<string, object?>("device", device.ToString(CultureInfo.InvariantCulture));
            foreach ((string name, Func<DeviceStatistics, long> value) in values)
                measurements.Add(tag is null ? new Measurement<long>(value(statistics), new("memory", number), where) : new Measurement<long>(value(statistics), new("memory", number), where, new(tag, name)));
        });

        return measurements;
    }

    /// <summary>Measures the service times of all memories.</summary>
    /// <returns>One measurement for each memory, side and quantile.</returns>
    private static List<Measurement<double>> ReadDurations()
    {
        List<Measurement<double>> measurements = [];
        OpenMemories.ForEach((handle, number) =>
        {
            foreach ((string side, HistogramKind kind) in ((string, HistogramKind)[])[("gpu", HistogramKind.GpuFault), ("cpu", HistogramKind.CpuFault)])
            {
                SvmHistogram histogram = NativeQueries.Histogram(handle, kind);
                foreach ((double quantile, long nanoseconds) in ((double, long)[])[(0.5, histogram.P50), (0.9, histogram.P90), (0.99, histogram.P99)])
                    measurements.Add(new Measurement<double>(nanoseconds * 1e-9, new("memory", number), new("side", side), new("quantile", quantile)));
            }
        });

        return measurements;
    }
}
