// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>
/// A kernel over an <see cref="IndexSpace"/>, best a static method: called once for each group, on any compute unit's thread, in any order, several at once. What it throws
/// fails the launch with a <see cref="KernelFailedException"/>. It reaches shared memory through the context, never through a span or pointer of a shared array.
/// </summary>
/// <typeparam name="TArguments">What every group is given: a struct of arrays and numbers of the program's own.</typeparam>
/// <param name="context">The group that runs (<see cref="KernelContext.Group"/>) and its way to shared memory.</param>
/// <param name="arguments">The same for every group; copied when the launch was started.</param>
public delegate void Kernel<TArguments>(KernelContext context, in TArguments arguments)
    where TArguments : struct;
