// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Policies;
using GpuSvm.Native.Abi;

namespace GpuSvm.Native;

/// <summary>How to open a <see cref="Session"/>: gpusvm_options with defaults filled in and every field checked.</summary>
/// <param name="Memory">Which host memory.</param>
/// <param name="DeviceMemories">Bytes of each device's memory: whole pages, at least one. 1 to 8 devices.</param>
/// <param name="CapacityBytes">Whole pages, at least one.</param>
/// <param name="ComputeUnits">1 to 256.</param>
/// <param name="LargestChunk">4 KiB, 64 KiB or 2 MiB.</param>
/// <param name="LargestFirstTouch">How much a CPU's first touch of fresh memory makes present: 4 KiB, 64 KiB or 2 MiB.</param>
/// <param name="Migrate">Whether pages move to the device.</param>
/// <param name="Prefetch">What else comes with a fault; null for nothing.</param>
/// <param name="PrefetchFaults">Whether the device raises faults ahead of need.</param>
/// <param name="Eviction">What leaves a full device.</param>
/// <param name="KeepFreeBytes">Device memory that is kept free by evicting ahead of need.</param>
/// <param name="Thrash">What becomes of pages that go to and fro; null for nothing.</param>
/// <param name="AccessCounters">What comes because it is hot; null for nothing.</param>
/// <param name="WithoutFaults">Whether the device raises no faults, and launches name their memory.</param>
/// <param name="Monitor">Whether `gpusvm top` may watch.</param>
/// <param name="FollowsForks">Whether forked children get the memory.</param>
internal sealed record SessionOptions(
    MemoryKind Memory, IReadOnlyList<long> DeviceMemories, long CapacityBytes, int ComputeUnits, PageOrder LargestChunk, PageOrder LargestFirstTouch, bool Migrate, IPrefetchPolicy? Prefetch, bool PrefetchFaults, IEvictionPolicy Eviction,
    long KeepFreeBytes, IThrashPolicy? Thrash, IAccessCounterPolicy? AccessCounters, bool WithoutFaults, bool Monitor, bool FollowsForks)
{
    private const uint HardwarePrefetch = 6;
    private const string MonitorVariable = "GPUSVM_MONITOR";
    private const ulong DefaultDeviceMemory = 256UL << 20;
    private const ulong DefaultCapacity = 64UL << 30;
    private const ulong MaximumDeviceMemory = 4UL << 40;
    private const ulong MaximumCapacity = 16UL << 40;

    /// <summary>The orders in which memory migrates, largest first, as the VM wants them.</summary>
    public IReadOnlyList<PageOrder> ChunkOrders
    {
        get
        {
            PageOrder[] all = [PageOrder.Huge, PageOrder.Medium, PageOrder.Small];
            return Array.FindAll(all, order => order <= LargestChunk);
        }
    }

    /// <summary>Bytes of all devices' memories.</summary>
    public long DeviceMemoryBytes => DeviceMemories.Sum();

    /// <summary>Checks the caller's options.</summary>
    /// <param name="options">The caller's struct; null for all defaults.</param>
    /// <returns>The checked options; throws a <see cref="SessionException"/> that names the field and what is possible.</returns>
    public static unsafe SessionOptions From(OptionsStruct* options)
    {
        OptionsStruct given = Copy(options);
        if (given.Monitor > 2)
            throw Refuse($"monitor {given.Monitor} does not exist: 0 is as GPUSVM_MONITOR says, 1 on, 2 off");
        if (given.Forks > 1)
            throw Refuse($"forks {given.Forks} does not exist: 0 is follow, 1 ignore");
        if (given.MemoryKind > (uint)MemoryKind.Portable)
            throw Refuse($"memory_kind {given.MemoryKind} does not exist: 0 is auto, 1 real, 2 portable");
        if (given.Migration > 1)
            throw Refuse($"migration {given.Migration} does not exist: 0 is on first touch, 1 never");
        if (given.WithoutFaults > 1)
            throw Refuse($"without_faults {given.WithoutFaults} does not exist: 0 is with faults, 1 without");
        if (given.DeviceCount > OptionsStruct.MaxDevices)
            throw Refuse($"{given.DeviceCount} devices are not possible: choose 1 to {OptionsStruct.MaxDevices}, or 0 for one");
        if (given.ComputeUnits > 256)
            throw Refuse($"{given.ComputeUnits} compute units are not possible: choose 1 to 256, or 0 for one a processor");
        return new SessionOptions(
            (MemoryKind)given.MemoryKind,
            DeviceMemoriesOf(given),
            Capacity(given.CapacityBytes),
            given.ComputeUnits == 0 ? Math.Clamp(Environment.ProcessorCount, 1, 256) : (int)given.ComputeUnits,
            OrderOf(given.LargestChunkBytes, "largest chunk"),
            OrderOf(given.FirstTouchBytes, "first touch"),
            given.Migration == 0,
            PrefetchOf(given.Prefetch),
            given.Prefetch == HardwarePrefetch,
            EvictionOf(given.Eviction),
            (long)Math.Min(given.KeepFreeBytes, MaximumDeviceMemory),
            ThrashOf(given.Thrash),
            AccessCountersOf(given.AccessCounters),
            given.WithoutFaults == 1,
            given.Monitor == 1 || (given.Monitor == 0 && Environment.GetEnvironmentVariable(MonitorVariable) is { Length: > 0 } and not "0"),
            given.Forks == 0);
    }

    /// <summary>Takes the caller's struct, of this version or an older one.</summary>
    /// <param name="options">The struct; null for all defaults.</param>
    /// <returns>All fields; those that the caller does not know are zero.</returns>
    private static unsafe OptionsStruct Copy(OptionsStruct* options)
    {
        OptionsStruct given = default;
        if (options == null)
            return given;
        uint bytes = options->StructBytes; // SAFETY: the caller passes its struct, whose size it states first.
        if (bytes != OptionsStruct.FirstBytes && bytes != sizeof(OptionsStruct))
            throw Refuse($"struct_bytes is {bytes}, this library's gpusvm_options has {sizeof(OptionsStruct)}: set it to sizeof(gpusvm_options) and compile against this version's gpusvm.h");
        Buffer.MemoryCopy(options, &given, sizeof(OptionsStruct), bytes);
        return given;
    }

    /// <summary>Checks the sizes of the devices' memories.</summary>
    /// <param name="given">The caller's options.</param>
    /// <returns>Bytes, for each device.</returns>
    private static unsafe long[] DeviceMemoriesOf(in OptionsStruct given)
    {
        var memories = new long[Math.Max(given.DeviceCount, 1)];
        var each = (ulong*)given.DeviceMemoryEach;
        for (int i = 0; i < memories.Length; i++)
            memories[i] = DeviceMemory(each == null ? given.DeviceMemoryBytes : each[i]); // SAFETY: the caller says that there are as many as devices.
        return memories;
    }

    /// <summary>The order of a size that a field may have.</summary>
    /// <param name="bytes">4096, 65536 or 2097152; 0 for the last.</param>
    /// <param name="what">The field in words.</param>
    /// <returns>The order.</returns>
    private static PageOrder OrderOf(uint bytes, string what) => bytes switch
    {
        0 or PageSize.HugeBytes => PageOrder.Huge,
        65536 => PageOrder.Medium,
        PageSize.Bytes => PageOrder.Small,
        _ => throw Refuse($"a {what} of {bytes} bytes is not possible: choose 4096, 65536 or 2097152"),
    };

    /// <summary>The prefetch policy of a number.</summary>
    /// <param name="number">A gpusvm_prefetch_policy.</param>
    /// <returns>A policy of its own for the session; null for none.</returns>
    private static IPrefetchPolicy? PrefetchOf(uint number) => number switch
    {
        0 => null,
        1 => new SequentialPrefetch(),
        2 => new TreePrefetch(),
        3 => new WholeRangePrefetch(),
        4 => new StridePrefetch(),
        5 => new AdaptivePrefetch(),
        HardwarePrefetch => null,
        _ => throw Refuse($"prefetch {number} does not exist: 0 is none, 1 sequential, 2 tree, 3 block, 4 stride, 5 adaptive, 6 hardware"),
    };

    /// <summary>The eviction policy of a number.</summary>
    /// <param name="number">A gpusvm_eviction_policy.</param>
    /// <returns>A policy of its own for the session.</returns>
    private static IEvictionPolicy EvictionOf(uint number) => number switch
    {
        0 => new UseEviction(),
        1 => new FaultOrderEviction(),
        2 => new FifoEviction(),
        3 => new ClockEviction(),
        4 => new RandomEviction(),
        5 => new TreeEviction(),
        _ => throw Refuse($"eviction {number} does not exist: 0 is unused, 1 fault order, 2 first in first out, 3 clock, 4 random, 5 tree"),
    };

    /// <summary>The thrash policy of a number.</summary>
    /// <param name="number">A gpusvm_thrash_policy.</param>
    /// <returns>A policy of its own for the session; null for none.</returns>
    private static IThrashPolicy? ThrashOf(uint number) => number switch
    {
        0 => new BackOffThrash(),
        1 => new WindowThrash(),
        2 => null,
        _ => throw Refuse($"thrash {number} does not exist: 0 is back-off, 1 window, 2 none"),
    };

    /// <summary>The access counter policy of a number.</summary>
    /// <param name="number">A gpusvm_access_counter_policy.</param>
    /// <returns>A policy of its own for the session; null for none.</returns>
    private static ThresholdAccessCounters? AccessCountersOf(uint number) => number switch
    {
        0 => null,
        1 => new ThresholdAccessCounters(),
        _ => throw Refuse($"access_counters {number} does not exist: 0 is none, 1 threshold"),
    };

    /// <summary>Checks the device memory's size.</summary>
    /// <param name="bytes">As given; 0 for the default.</param>
    /// <returns>Bytes.</returns>
    private static long DeviceMemory(ulong bytes) => bytes switch
    {
        0 => (long)DefaultDeviceMemory,
        > MaximumDeviceMemory => throw Refuse($"a device memory of {bytes} bytes is more than the {MaximumDeviceMemory} that can be had"),
        _ when bytes % PageSize.Bytes != 0 => throw Refuse($"a device memory of {bytes} bytes is not possible: it must be a multiple of the page size, 4096 bytes, and at least one page"),
        _ => (long)bytes,
    };

    /// <summary>Checks the capacity.</summary>
    /// <param name="bytes">As given; 0 for the default.</param>
    /// <returns>Bytes, rounded up to whole pages.</returns>
    private static long Capacity(ulong bytes) => bytes switch
    {
        0 => (long)DefaultCapacity,
        > MaximumCapacity => throw Refuse($"a capacity of {bytes} bytes is more than the {MaximumCapacity} that an address space can give"),
        _ => PageSize.PagesFor((long)bytes) * PageSize.Bytes,
    };

    /// <summary>The exception for a field that cannot be used.</summary>
    /// <param name="what">The sentence without its full stop.</param>
    /// <returns>The exception.</returns>
    private static SessionException Refuse(string what) => new(SvmStatus.InvalidArgument, $"The options are not possible: {what}.");
}
