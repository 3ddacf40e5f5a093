// SPDX-License-Identifier: MIT
using GpuSvm.Core;
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
            (typeof(LaunchResultStruct), "gpusvm_launch_result"));

    [Fact]
    public void StatusesHaveTheValuesOfC() => LayoutProgram.AssertSameValues<SvmStatus>("GPUSVM_");
}
