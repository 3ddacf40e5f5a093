// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
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
            (typeof(IntervalStruct), "gpusvm_interval"),
            (typeof(AdviceStruct), "gpusvm_advice"),
            (typeof(UsageStruct), "gpusvm_usage"),
            (typeof(PrefetchProgressStruct), "gpusvm_prefetch_progress"),
            (typeof(HistogramStruct), "gpusvm_histogram"));

    [Fact]
    public void StatusesHaveTheValuesOfC() => LayoutProgram.AssertSameValues<SvmStatus>("GPUSVM_");

    [Fact]
    public void WhatEventsSayHasTheValuesOfC()
    {
        LayoutProgram.AssertSameValues<SvmEventKind>("GPUSVM_EVENT_");
        LayoutProgram.AssertSameValues<MigrationCause>("GPUSVM_CAUSE_");
        LayoutProgram.AssertSameValues<MmuEventKind>("GPUSVM_CHANGE_");
        LayoutProgram.AssertSameValues<HistogramKind>("GPUSVM_HISTOGRAM_");
    }
}
