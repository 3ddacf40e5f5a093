// SPDX-License-Identifier: MIT
using CsCheck;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Svm;

namespace GpuSvm.Core.Tests;

/// <summary>How large a new range is (INV-6): every place of a block, every mapping of it, and everything else that can be in the way against brute force.</summary>
public sealed class ChunkSelectionTests
{
}
