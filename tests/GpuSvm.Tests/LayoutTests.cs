// SPDX-License-Identifier: MIT
using GpuSvm.Interop;
using GpuSvm.Native.Tests;

namespace GpuSvm.Tests;

/// <summary>The package's structs and enums are those of gpusvm.h.</summary>
public class LayoutTests
{
    [Fact]
    public void StructsLieInMemoryAsInC()
        => LayoutProgram.AssertSameLayout(
            (typeof(NativeOptions), "gpusvm_options"),
            (typeof(NativeStatistics), "gpusvm_statistics"),
            (typeof(NativeLaunchResult), "gpusvm_launch_result"),
            (typeof(SvmEvent), "gpusvm_event"),
            (typeof(FailedFault), "gpusvm_failed_fault"),
            (typeof(NativeTraceOptions), "gpusvm_trace_options"),
            (typeof(NativeTraceStatus), "gpusvm_trace_status"),
            (typeof(NativeInterval), "gpusvm_interval"),
            (typeof(NativeAdvice), "gpusvm_advice"),
            (typeof(NativeUsage), "gpusvm_usage"),
            (typeof(NativeLaunchOptions), "gpusvm_launch_options"),
            (typeof(NativePrefetchProgress), "gpusvm_prefetch_progress"),
            (typeof(NativeDeviceInfo), "gpusvm_device_info"),
            (typeof(PageRun), "gpusvm_page_run"),
            (typeof(NativeHistogram), "gpusvm_histogram"),
            (typeof(KernelContextData), "struct gpusvm_kernel_context"),
            (typeof(KernelFunctions), "gpusvm_kernel_functions"));

    [Fact]
    public void StatusesAndKindsHaveTheValuesOfC()
    {
        LayoutProgram.AssertSameValues<StatusCode>("GPUSVM_");
        LayoutProgram.AssertSameValues<MemoryKind>("GPUSVM_MEMORY_");
        LayoutProgram.AssertSameValues<PrefetchPolicy>("GPUSVM_PREFETCH_");
        LayoutProgram.AssertSameValues<ThrashPolicy>("GPUSVM_THRASH_");
        LayoutProgram.AssertSameValues<AccessCounterPolicy>("GPUSVM_ACCESS_COUNTERS_");
        LayoutProgram.AssertSameValues<EvictionPolicy>("GPUSVM_EVICT_");
        LayoutProgram.AssertSameValues<PreferredLocation>("GPUSVM_PREFERRED_");
        LayoutProgram.AssertSameValues<AtomicMode>("GPUSVM_ATOMICS_");
        LayoutProgram.AssertSameValues<SvmEventKind>("GPUSVM_EVENT_");
        LayoutProgram.AssertSameValues<MigrationCause>("GPUSVM_CAUSE_");
        LayoutProgram.AssertSameValues<MemoryChange>("GPUSVM_CHANGE_");
        LayoutProgram.AssertSameValues<HistogramKind>("GPUSVM_HISTOGRAM_");
        LayoutProgram.AssertSameValues<PagePlace>("GPUSVM_PAGE_");
        LayoutProgram.AssertSameValues<AtomicOperation>("GPUSVM_ATOMIC_");
    }
}
