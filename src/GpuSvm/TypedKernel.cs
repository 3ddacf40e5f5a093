// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>A kernel with arguments of the program's own.</summary>
/// <typeparam name="TArguments">Their type.</typeparam>
/// <param name="kernel">What each group runs.</param>
/// <param name="arguments">What each group is given.</param>
/// <param name="space">What it runs over.</param>
internal sealed class TypedKernel<TArguments>(Kernel<TArguments> kernel, in TArguments arguments, IndexSpace space) : ManagedKernel(space)
    where TArguments : struct
{
    private readonly TArguments _arguments = arguments;

    /// <inheritdoc/>
    protected override void Invoke(KernelContext context) => kernel(context, in _arguments);
}
