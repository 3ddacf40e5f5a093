// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Core.Vm;
using GpuSvm.Native.Abi;

namespace GpuSvm.Native.Tests;

/// <summary>The library's structs and statuses are those of gpusvm.h.</summary>
public class LayoutTests
{
    [Fact]
    public void StructsLieInMemoryAsInC()
        => LayoutProgram.AssertSameLayout(
            (typeof(OptionsStruct), "gpusvm_options"),
            (typeof(StatisticsStruct), "gpusvm_statistics"),
            (typeof(LaunchResultStruct), "gpusvm_launch_result"),
            (typeof(EventStruct), "gpusvm_event"),
            (typeof(FailedFaultStruct), "gpusvm_failed_fault"),
            (typeof(TraceOptionsStruct), "gpusvm_trace_options"),
            (typeof(TraceStatusStruct), "gpusvm_trace_status"),
            (typeof(IntervalStruct), "gpusvm_interval"),
            (typeof(AdviceStruct), "gpusvm_advice"),
            (typeof(UsageStruct), "gpusvm_usage"),
            (typeof(PrefetchProgressStruct), "gpusvm_prefetch_progress"),
            (typeof(DeviceInfoStruct), "gpusvm_device_info"),
            (typeof(PageRunStruct), "gpusvm_page_run"),
            (typeof(LaunchOptionsStruct), "gpusvm_launch_options"),
            (typeof(HistogramStruct), "gpusvm_histogram"));

    [Fact]
    public void StructsThatHaveGrownStillEndWhereTheyDidForOlderPrograms()
    {
        Assert.Equal(OptionsStruct.FirstBytes, (uint)Marshal.OffsetOf<OptionsStruct>(nameof(OptionsStruct.DeviceCount)));
        Assert.Equal(StatisticsStruct.FirstBytes, (uint)Marshal.OffsetOf<StatisticsStruct>(nameof(StatisticsStruct.Launches)));
    }

    [Fact]
    public void StatusesHaveTheValuesOfC() => LayoutProgram.AssertSameValues<SvmStatus>("GPUSVM_");

    [Fact]
    public void WhatEventsSayHasTheValuesOfC()
    {
        LayoutProgram.AssertSameValues<SvmEventKind>("GPUSVM_EVENT_");
        LayoutProgram.AssertSameValues<MigrationCause>("GPUSVM_CAUSE_");
        LayoutProgram.AssertSameValues<MmuEventKind>("GPUSVM_CHANGE_");
        LayoutProgram.AssertSameValues<HistogramKind>("GPUSVM_HISTOGRAM_");
        LayoutProgram.AssertSameValues<PagePlace>("GPUSVM_PAGE_");
        LayoutProgram.AssertSameValues<LogLevel>("GPUSVM_LOG_");
    }
}
