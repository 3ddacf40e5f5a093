// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Locking;

/// <summary>A lock is taken against the order, held where it may not be, or not held where it must be: a bug in the library, found by a checking build.</summary>
/// <param name="message">Which locks.</param>
public sealed class LockOrderException(string message) : InvalidOperationException(message);
