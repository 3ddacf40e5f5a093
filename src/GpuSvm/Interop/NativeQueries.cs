// SPDX-License-Identifier: MIT
using System.Text;
using System.Text.Json;

namespace GpuSvm.Interop;

/// <summary>Calls that only ask.</summary>
internal static unsafe class NativeQueries
{
    /// <summary>Reads the counters of a memory.</summary>
    /// <param name="handle">The memory.</param>
    /// <returns>The counters.</returns>
    public static NativeStatistics Statistics(MemoryHandle handle)
    {
        NativeStatistics statistics = default;
        statistics.StructBytes = (uint)sizeof(NativeStatistics);
        NativeErrors.Check(NativeMethods.gpusvm_read_statistics(handle, ref statistics));
        return statistics;
    }

    /// <summary>Reads a histogram of a memory.</summary>
    /// <param name="handle">The memory.</param>
    /// <param name="kind">Which.</param>
    /// <returns>The histogram.</returns>
    public static SvmHistogram Histogram(MemoryHandle handle, HistogramKind kind)
    {
        NativeHistogram histogram = default;
        histogram.StructBytes = (uint)sizeof(NativeHistogram);
        NativeErrors.Check(NativeMethods.gpusvm_read_histogram(handle, (uint)kind, ref histogram));
        return histogram.ToHistogram();
    }

    /// <summary>Reads the counters of one device.</summary>
    /// <param name="handle">The memory.</param>
    /// <param name="device">The device's number.</param>
    /// <returns>The counters.</returns>
    public static DeviceStatistics Device(MemoryHandle handle, int device)
    {
        NativeDeviceInfo info = default;
        info.StructBytes = (uint)sizeof(NativeDeviceInfo);
        NativeErrors.Check(NativeMethods.gpusvm_read_device(handle, (uint)device, ref info));
        return info.ToStatistics();
    }

    /// <summary>Why a memory is not real.</summary>
    /// <param name="handle">The memory.</param>
    /// <returns>The sentence; empty if it is real.</returns>
    public static string Reason(MemoryHandle handle)
    {
        byte[] buffer = new byte[512];
        while (true)
        {
            ulong length;
            // SAFETY: pinned during the call, which writes at most its length.
            fixed (byte* pointer = buffer)
                length = NativeMethods.gpusvm_memory_reason(handle, pointer, (ulong)buffer.Length);
            if (length < (ulong)buffer.Length)
                return Encoding.UTF8.GetString(buffer, 0, (int)length);
            buffer = new byte[length + 1];
        }
    }

    /// <summary>Asks for the injection points.</summary>
    /// <returns>The points, in the library's order.</returns>
    public static List<InjectionPointState> Injections()
    {
        using JsonDocument document = JsonDocument.Parse(NativeErrors.ReadText(&NativeMethods.gpusvm_injections));
        List<InjectionPointState> points = [];
        foreach (JsonElement element in document.RootElement.EnumerateArray())
        {
            points.Add(new InjectionPointState(
                element.GetProperty("name").GetString()!,
                element.GetProperty("where").GetString()!,
                element.GetProperty("hits").GetInt64(),
                element.GetProperty("waiting").GetInt32()));
        }
        return points;
    }

    /// <summary>Asks what this machine can do.</summary>
    /// <returns>The results, in the library's order.</returns>
    public static List<ProbeResult> Probe()
    {
        using JsonDocument document = JsonDocument.Parse(NativeErrors.ReadText(&NativeMethods.gpusvm_probe));
        List<ProbeResult> results = [];
        foreach (JsonElement element in document.RootElement.EnumerateArray())
        {
            results.Add(new ProbeResult(
                element.GetProperty("name").GetString()!,
                element.GetProperty("ok").GetBoolean(),
                element.GetProperty("detail").GetString()!,
                element.GetProperty("remedy").GetString()!));
        }
        return results;
    }
}
