// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>
/// A kernel in managed code: called once for each group, on any compute unit's thread, in any order, several at once. What it throws fails the launch
/// with a <see cref="KernelFailedException"/>. It reaches shared memory through the context, never through a span or pointer of a shared array.
/// </summary>
/// <param name="context">The group that runs and its way to shared memory.</param>
public delegate void KernelBody(KernelContext context);
