// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Tests;

/// <summary>Test classes that change what is process-wide: they run one after the other, when no other class does.</summary>
[CollectionDefinition(nameof(AloneInTheProcess), DisableParallelization = true)]
public sealed class AloneInTheProcess;
