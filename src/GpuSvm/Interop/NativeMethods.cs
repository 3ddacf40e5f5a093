// SPDX-License-Identifier: MIT
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

[assembly: DisableRuntimeMarshalling]

namespace GpuSvm.Interop;

/// <summary>The functions of gpusvm.h, by their C names. What they do and answer is documented there.</summary>
/// <remarks>None suppresses the GC transition: any of them may wait for page faults of threads of this runtime.</remarks>
internal static unsafe partial class NativeMethods
{
    /// <summary>The library's name, resolved by <see cref="NativeLibraryLoader"/>.</summary>
    public const string Library = "gpusvm";

    /// <summary>The ABI that this package was written against: GPUSVM_ABI_VERSION.</summary>
    public const uint AbiVersion = 1;

    /// <summary>Makes sure that the library can be found before the first call.</summary>
    static NativeMethods() => NativeLibraryLoader.Register();

    /// <summary>uint64_t gpusvm_last_error(char* buffer, uint64_t size).</summary>
    [LibraryImport(Library)]
    public static partial ulong gpusvm_last_error(byte* buffer, ulong size);

    /// <summary>int32_t gpusvm_open(const gpusvm_options* options, gpusvm_memory* memory).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_open(in NativeOptions options, out MemoryHandle memory);

    /// <summary>int32_t gpusvm_close(gpusvm_memory memory).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_close(ulong memory);

    /// <summary>uint64_t gpusvm_memory_reason(gpusvm_memory memory, char* buffer, uint64_t size).</summary>
    [LibraryImport(Library)]
    public static partial ulong gpusvm_memory_reason(MemoryHandle memory, byte* buffer, ulong size);

    /// <summary>int32_t gpusvm_alloc(gpusvm_memory memory, uint64_t bytes, void** pointer).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_alloc(MemoryHandle memory, ulong bytes, out nint pointer);

    /// <summary>int32_t gpusvm_free(gpusvm_memory memory, void* pointer).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_free(MemoryHandle memory, nint pointer);

    /// <summary>int32_t gpusvm_launch_start_using(gpusvm_memory memory, gpusvm_kernel kernel, void* arguments, uint64_t group_count, const gpusvm_usage* usages, uint64_t count,
    /// gpusvm_launch* launch).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_launch_start_using(
        MemoryHandle memory, delegate* unmanaged<KernelContextData*, void*, void> kernel, void* arguments, ulong groupCount, NativeUsage* usages, ulong count, out ulong launch);

    /// <summary>int32_t gpusvm_queue_create(gpusvm_memory memory, uint32_t device, gpusvm_queue* queue).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_queue_create(MemoryHandle memory, uint device, out ulong queue);

    /// <summary>int32_t gpusvm_queue_destroy(gpusvm_queue queue).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_queue_destroy(ulong queue);

    /// <summary>int32_t gpusvm_queue_launch(gpusvm_queue queue, gpusvm_kernel kernel, void* arguments, uint64_t group_count, const gpusvm_launch_options* options, gpusvm_launch* launch).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_queue_launch(
        ulong queue, delegate* unmanaged<KernelContextData*, void*, void> kernel, void* arguments, ulong groupCount, in NativeLaunchOptions options, out ulong launch);

    /// <summary>int32_t gpusvm_vm_create(gpusvm_memory memory, gpusvm_vm* vm).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_vm_create(MemoryHandle memory, out ulong vm);

    /// <summary>int32_t gpusvm_vm_destroy(gpusvm_vm vm).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_vm_destroy(ulong vm);

    /// <summary>int32_t gpusvm_vm_queue_create(gpusvm_vm vm, uint32_t device, gpusvm_queue* queue).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_vm_queue_create(ulong vm, uint device, out ulong queue);

    /// <summary>int32_t gpusvm_vm_advise(gpusvm_vm vm, const void* pointer, uint64_t bytes, const gpusvm_advice* advice).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_vm_advise(ulong vm, nint pointer, ulong bytes, in NativeAdvice advice);

    /// <summary>int32_t gpusvm_attach(gpusvm_memory memory, void* pointer, uint64_t bytes, uint32_t flags).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_attach(MemoryHandle memory, nint pointer, ulong bytes, uint flags);

    /// <summary>int32_t gpusvm_detach(gpusvm_memory memory, void* pointer).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_detach(MemoryHandle memory, nint pointer);

    /// <summary>int32_t gpusvm_device_read(gpusvm_memory memory, uint32_t device, uint64_t address, void* destination, uint64_t bytes, uint64_t* failed_at).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_device_read(MemoryHandle memory, uint device, ulong address, void* destination, ulong bytes, out ulong failedAt);

    /// <summary>int32_t gpusvm_device_write(gpusvm_memory memory, uint32_t device, uint64_t address, const void* source, uint64_t bytes, uint64_t* failed_at).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_device_write(MemoryHandle memory, uint device, ulong address, void* source, ulong bytes, out ulong failedAt);

    /// <summary>int32_t gpusvm_evict(gpusvm_memory memory, uint32_t device, const void* pointer, uint64_t bytes, uint64_t* moved).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_evict(MemoryHandle memory, uint device, nint pointer, ulong bytes, out ulong moved);

    /// <summary>int32_t gpusvm_make_exclusive(gpusvm_memory memory, uint32_t device, const void* pointer, uint64_t bytes, uint64_t* exclusive).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_make_exclusive(MemoryHandle memory, uint device, nint pointer, ulong bytes, out ulong exclusive);

    /// <summary>int32_t gpusvm_query(gpusvm_memory memory, uint32_t device, const void* pointer, uint64_t bytes, gpusvm_page_run* runs, uint32_t run_bytes, uint64_t capacity, uint64_t* count).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_query(MemoryHandle memory, uint device, nint pointer, ulong bytes, PageRun* runs, uint runBytes, ulong capacity, out ulong count);

    /// <summary>int32_t gpusvm_userptr_register(gpusvm_memory memory, void* pointer, uint64_t bytes, uint32_t read_only, uint64_t* device_address, gpusvm_userptr* userptr).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_userptr_register(MemoryHandle memory, nint pointer, ulong bytes, uint readOnly, out ulong deviceAddress, out ulong userptr);

    /// <summary>int32_t gpusvm_userptr_unregister(gpusvm_userptr userptr).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_userptr_unregister(ulong userptr);

    /// <summary>int32_t gpusvm_mirror_create(gpusvm_memory memory, uint64_t memory_bytes, gpusvm_mirror* mirror).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_mirror_create(MemoryHandle memory, ulong memoryBytes, out ulong mirror);

    /// <summary>int32_t gpusvm_mirror_destroy(gpusvm_mirror mirror).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_mirror_destroy(ulong mirror);

    /// <summary>int32_t gpusvm_mirror_read(gpusvm_mirror mirror, const void* pointer, uint64_t bytes, void* destination, uint64_t* pages, uint64_t* faults).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_mirror_read(ulong mirror, nint pointer, ulong bytes, void* destination, out ulong pages, out ulong faults);

    /// <summary>int32_t gpusvm_mirror_write(gpusvm_mirror mirror, void* pointer, uint64_t bytes, const void* source, uint64_t* pages, uint64_t* faults).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_mirror_write(ulong mirror, nint pointer, ulong bytes, void* source, out ulong pages, out ulong faults);

    /// <summary>int32_t gpusvm_mirror_peek(gpusvm_mirror mirror, const void* pointer, uint64_t bytes, void* destination, uint64_t* pages).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_mirror_peek(ulong mirror, nint pointer, ulong bytes, void* destination, out ulong pages);

    /// <summary>int32_t gpusvm_mirror_migrate(gpusvm_mirror mirror, const void* pointer, uint64_t bytes, uint32_t location, uint64_t* moved).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_mirror_migrate(ulong mirror, nint pointer, ulong bytes, uint location, out ulong moved);

    /// <summary>int32_t gpusvm_mirror_snapshot(gpusvm_mirror mirror, const void* pointer, uint64_t bytes, uint8_t* pages).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_mirror_snapshot(ulong mirror, nint pointer, ulong bytes, byte* pages);

    /// <summary>int32_t gpusvm_launch_wait(gpusvm_launch launch, uint32_t timeout_ms, gpusvm_launch_result* result).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_launch_wait(ulong launch, uint timeoutMs, NativeLaunchResult* result);

    /// <summary>int32_t gpusvm_prefetch(gpusvm_memory memory, const void* pointer, uint64_t bytes, uint32_t location, uint64_t* moved).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_prefetch(MemoryHandle memory, nint pointer, ulong bytes, uint location, out ulong moved);

    /// <summary>int32_t gpusvm_advise(gpusvm_memory memory, const void* pointer, uint64_t bytes, const gpusvm_advice* advice).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_advise(MemoryHandle memory, nint pointer, ulong bytes, in NativeAdvice advice);

    /// <summary>int32_t gpusvm_prefetch_start(gpusvm_memory memory, const gpusvm_interval* intervals, uint64_t count, uint32_t location, gpusvm_prefetch_operation* operation).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_prefetch_start(MemoryHandle memory, NativeInterval* intervals, ulong count, uint location, out ulong operation);

    /// <summary>int32_t gpusvm_prefetch_wait(gpusvm_prefetch_operation operation, uint32_t timeout_ms, gpusvm_prefetch_progress* progress).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_prefetch_wait(ulong operation, uint timeoutMs, ref NativePrefetchProgress progress);

    /// <summary>int32_t gpusvm_prefetch_cancel(gpusvm_prefetch_operation operation).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_prefetch_cancel(ulong operation);

    /// <summary>int32_t gpusvm_prefetch_end(gpusvm_prefetch_operation operation).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_prefetch_end(ulong operation);

    /// <summary>int32_t gpusvm_read_statistics(gpusvm_memory memory, gpusvm_statistics* statistics).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_read_statistics(MemoryHandle memory, ref NativeStatistics statistics);

    /// <summary>int32_t gpusvm_read_device(gpusvm_memory memory, uint32_t device, gpusvm_device_info* info).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_read_device(MemoryHandle memory, uint device, ref NativeDeviceInfo info);

    /// <summary>int32_t gpusvm_read_histogram(gpusvm_memory memory, uint32_t kind, gpusvm_histogram* histogram).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_read_histogram(MemoryHandle memory, uint kind, ref NativeHistogram histogram);

    /// <summary>int32_t gpusvm_take_failed_faults(gpusvm_memory memory, gpusvm_failed_fault* buffer, uint32_t fault_bytes, uint64_t count, uint64_t* taken, uint64_t* dropped).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_take_failed_faults(MemoryHandle memory, FailedFault* buffer, uint faultBytes, ulong count, out ulong taken, out ulong dropped);

    /// <summary>int32_t gpusvm_events_open(gpusvm_memory memory, uint32_t capacity, gpusvm_events* events).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_events_open(MemoryHandle memory, uint capacity, out ulong events);

    /// <summary>int32_t gpusvm_events_read(gpusvm_events events, gpusvm_event* buffer, uint32_t event_bytes, uint64_t count, uint64_t* read).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_events_read(ulong events, SvmEvent* buffer, uint eventBytes, ulong count, out ulong read);

    /// <summary>int32_t gpusvm_events_dropped(gpusvm_events events, uint32_t kind, uint64_t* dropped).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_events_dropped(ulong events, uint kind, out ulong dropped);

    /// <summary>int32_t gpusvm_events_close(gpusvm_events events).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_events_close(ulong events);

    /// <summary>int32_t gpusvm_trace_start(gpusvm_memory memory, const char* path, const gpusvm_trace_options* options).</summary>
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int gpusvm_trace_start(MemoryHandle memory, string path, in NativeTraceOptions options);

    /// <summary>int32_t gpusvm_trace_read(gpusvm_memory memory, gpusvm_trace_status* status).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_trace_read(MemoryHandle memory, ref NativeTraceStatus status);

    /// <summary>int32_t gpusvm_trace_stop(gpusvm_memory memory, gpusvm_trace_status* status).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_trace_stop(MemoryHandle memory, ref NativeTraceStatus status);

    /// <summary>int32_t gpusvm_check(gpusvm_memory memory).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_check(MemoryHandle memory);

    /// <summary>uint64_t gpusvm_probe(char* buffer, uint64_t size).</summary>
    [LibraryImport(Library)]
    public static partial ulong gpusvm_probe(byte* buffer, ulong size);

    /// <summary>int32_t gpusvm_inject(const char* point, uint64_t nth).</summary>
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int gpusvm_inject(string point, ulong nth);

    /// <summary>int32_t gpusvm_inject_reset(uint32_t counting).</summary>
    [LibraryImport(Library)]
    public static partial int gpusvm_inject_reset(uint counting);

    /// <summary>uint64_t gpusvm_injections(char* buffer, uint64_t size).</summary>
    [LibraryImport(Library)]
    public static partial ulong gpusvm_injections(byte* buffer, ulong size);
}
