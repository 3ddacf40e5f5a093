// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>A kernel that is a <see cref="KernelBody"/>.</summary>
/// <param name="body">What each group runs.</param>
/// <param name="groups">How many groups, of one item each.</param>
internal sealed class BodyKernel(KernelBody body, nint groups) : ManagedKernel(new IndexSpace(new Extent3(groups), new Extent3(1)))
{
    /// <inheritdoc/>
    protected override void Invoke(KernelContext context) => body(context);
}
