// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Tests;

/// <summary>Tests that explore: one at a time, since what is put off and what invariants record is the process's.</summary>
[CollectionDefinition("explorer", DisableParallelization = true)]
public sealed class ExplorerCollection;
