// SPDX-License-Identifier: MIT
using System.Diagnostics;
using GpuSvm.Interop;
using GpuSvm.Observing;

namespace GpuSvm;

/// <content>Starting kernels.</content>
public sealed partial class SharedMemory
{
    /// <summary>Starts a managed kernel.</summary>
    /// <param name="body">Runs once a group, on the compute units' threads.</param>
    /// <param name="groups">How many groups, at least 1.</param>
    /// <returns>The launch; wait for it before using on the CPU what it writes (portable memory demands it).</returns>
    public Launch Launch(KernelBody body, nint groups) => Launch(body, groups, []);

    /// <summary>Starts a managed kernel that uses the given arrays: in a memory without faults those, and nothing else.</summary>
    /// <param name="body">Runs once a group, on the compute units' threads.</param>
    /// <param name="groups">How many groups, at least 1.</param>
    /// <param name="uses">What it uses: <see cref="SharedArray{T}.Use(KernelAccess)"/>. They are brought to the device, or mapped for it, before this returns.</param>
    /// <returns>As the other overload.</returns>
    public Launch Launch(KernelBody body, nint groups, IReadOnlyList<ArrayUse> uses)
    {
        ArgumentNullException.ThrowIfNull(body);
        ArgumentNullException.ThrowIfNull(uses);
        ArgumentOutOfRangeException.ThrowIfLessThan(groups, 1);
        return Start(new BodyKernel(body, groups), groups, uses);
    }

    /// <summary>Starts a kernel, best a static method, over a row, a plane or a block of items.</summary>
    /// <typeparam name="TArguments">A struct of arrays and numbers of the program's own.</typeparam>
    /// <param name="kernel">Runs once a group, on the compute units' threads.</param>
    /// <param name="arguments">What every group is given; copied.</param>
    /// <param name="space">What it runs over.</param>
    /// <returns>The launch; wait for it before using on the CPU what it writes (portable memory demands it).</returns>
    public Launch Launch<TArguments>(Kernel<TArguments> kernel, in TArguments arguments, IndexSpace space)
        where TArguments : struct
        => Launch(kernel, arguments, space, []);

    /// <summary>Starts a kernel that uses the given arrays: in a memory without faults those, and nothing else.</summary>
    /// <typeparam name="TArguments">As in the other overload.</typeparam>
    /// <param name="kernel">As in the other overload.</param>
    /// <param name="arguments">As in the other overload.</param>
    /// <param name="space">As in the other overload.</param>
    /// <param name="uses">What it uses: <see cref="SharedArray{T}.Use(KernelAccess)"/>. They are brought to the device, or mapped for it, before this returns.</param>
    /// <returns>As in the other overload.</returns>
    public Launch Launch<TArguments>(Kernel<TArguments> kernel, in TArguments arguments, IndexSpace space, IReadOnlyList<ArrayUse> uses)
        where TArguments : struct
    {
        ArgumentNullException.ThrowIfNull(kernel);
        ArgumentNullException.ThrowIfNull(uses);
        if (space.Groups.Count == 0)
            throw new ArgumentOutOfRangeException(nameof(space), "The index space has no items: make it with one of its constructors.");
        return Start(new TypedKernel<TArguments>(kernel, arguments, space), space.Groups.Count, uses);
    }

    /// <summary>Starts a kernel in native code, or a static [UnmanagedCallersOnly] method, which must catch everything it may throw.</summary>
    /// <param name="kernel">Runs once a group, on the compute units' threads.</param>
    /// <param name="arguments">What it is given besides the context; must stay valid until the launch has ended.</param>
    /// <param name="groups">How many groups, at least 1.</param>
    /// <returns>The launch.</returns>
    public unsafe Launch Launch(delegate* unmanaged<KernelContextData*, void*, void> kernel, void* arguments, nint groups) => Launch(kernel, arguments, groups, []);

    /// <summary>Starts a kernel in native code that uses the given arrays: in a memory without faults those, and nothing else.</summary>
    /// <param name="kernel">As in the other overload.</param>
    /// <param name="arguments">As in the other overload.</param>
    /// <param name="groups">How many groups, at least 1.</param>
    /// <param name="uses">What it uses: <see cref="SharedArray{T}.Use(KernelAccess)"/>. They are brought to the device, or mapped for it, before this returns.</param>
    /// <returns>The launch.</returns>
    public unsafe Launch Launch(delegate* unmanaged<KernelContextData*, void*, void> kernel, void* arguments, nint groups, IReadOnlyList<ArrayUse> uses)
    {
        if (kernel == null)
            throw new ArgumentNullException(nameof(kernel));
        ArgumentNullException.ThrowIfNull(uses);
        ArgumentOutOfRangeException.ThrowIfLessThan(groups, 1);
        return Start(kernel, arguments, groups, null, uses);
    }

    /// <summary>Starts a managed kernel.</summary>
    /// <param name="kernel">The kernel; released here if it does not start, and else at its end.</param>
    /// <param name="groups">How many groups.</param>
    /// <param name="uses">What it uses.</param>
    /// <returns>The launch.</returns>
    private unsafe Launch Start(ManagedKernel kernel, nint groups, IReadOnlyList<ArrayUse> uses)
    {
        try
        {
            return Start(ManagedKernel.EntryPoint, kernel.Arguments, groups, kernel, uses);
        }
        catch
        {
            kernel.Release();
            throw;
        }
    }

    /// <summary>Starts a launch and keeps it, so that its kernel lives until its end even if the caller drops it.</summary>
    /// <param name="function">What to run.</param>
    /// <param name="arguments">What to run it with.</param>
    /// <param name="groups">How many groups.</param>
    /// <param name="kernel">The managed kernel behind it, or null.</param>
    /// <param name="uses">What it uses.</param>
    /// <returns>The launch.</returns>
    private unsafe Launch Start(delegate* unmanaged<KernelContextData*, void*, void> function, void* arguments, nint groups, ManagedKernel? kernel, IReadOnlyList<ArrayUse> uses)
    {
        NativeUsage[] usages = [.. uses.Where(use => use.Bytes > 0).Select(NativeUsage.From)];
        Activity? activity = SvmActivities.Begin("gpusvm.launch")?.SetTag("gpusvm.groups", (long)groups);
        if (SvmEventSource.Log!.IsEnabled())
            SvmEventSource.Log.LaunchStart(Number, groups);
        try
        {
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                // SAFETY: the function and its arguments stay valid until the launch has ended: the kernel's handle is released by Launch.
                ulong handle;
                fixed (NativeUsage* first = usages)
                    NativeErrors.Check(NativeMethods.gpusvm_launch_start_using(_handle, function, arguments, (ulong)groups, first, (ulong)usages.Length, out handle));
                var launch = new Launch(handle, kernel, new LaunchReport(Number, groups, _logger, activity));
                _launches.Add(launch);
                return launch;
            }
        }
        catch (Exception refused)
        {
            SvmActivities.End(activity, (refused as SharedMemoryException)?.Status ?? StatusCode.InvalidArgument, refused.Message);
            throw;
        }
    }
}
