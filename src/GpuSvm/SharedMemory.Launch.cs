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
        ArgumentNullException.ThrowIfNull(uses);
        return StartBody(body, groups, uses, null, []);
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
        ArgumentNullException.ThrowIfNull(uses);
        return StartTyped(kernel, arguments, space, uses, null, []);
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
        return Start(kernel, arguments, groups, null, uses, null, []);
    }

    /// <summary>Starts a kernel that counts groups only.</summary>
    /// <param name="body">The kernel.</param>
    /// <param name="groups">How many groups, at least 1.</param>
    /// <param name="uses">What it uses.</param>
    /// <param name="queue">Where; null for the memory's own queue of device 0.</param>
    /// <param name="after">What it waits for; only in a queue.</param>
    /// <returns>The launch.</returns>
    internal Launch StartBody(KernelBody body, nint groups, IReadOnlyList<ArrayUse> uses, KernelQueue? queue, IReadOnlyList<Launch> after)
    {
        ArgumentNullException.ThrowIfNull(body);
        ArgumentOutOfRangeException.ThrowIfLessThan(groups, 1);
        return Start(new BodyKernel(body, groups), groups, uses, queue, after);
    }

    /// <summary>Starts a kernel over an index space.</summary>
    /// <typeparam name="TArguments">Its arguments' type.</typeparam>
    /// <param name="kernel">The kernel.</param>
    /// <param name="arguments">What every group is given.</param>
    /// <param name="space">What it runs over.</param>
    /// <param name="uses">What it uses.</param>
    /// <param name="queue">As above.</param>
    /// <param name="after">As above.</param>
    /// <returns>The launch.</returns>
    internal Launch StartTyped<TArguments>(
        Kernel<TArguments> kernel, in TArguments arguments, IndexSpace space, IReadOnlyList<ArrayUse> uses, KernelQueue? queue, IReadOnlyList<Launch> after)
        where TArguments : struct
    {
        ArgumentNullException.ThrowIfNull(kernel);
        if (space.Groups.Count == 0)
            throw new ArgumentOutOfRangeException(nameof(space), "The index space has no items: make it with one of its constructors.");
        return Start(new TypedKernel<TArguments>(kernel, arguments, space), space.Groups.Count, uses, queue, after);
    }

    /// <summary>Starts a managed kernel.</summary>
    /// <param name="kernel">The kernel; released here if it does not start, and else at its end.</param>
    /// <param name="groups">How many groups.</param>
    /// <param name="uses">What it uses.</param>
    /// <param name="queue">As above.</param>
    /// <param name="after">As above.</param>
    /// <returns>The launch.</returns>
    private unsafe Launch Start(ManagedKernel kernel, nint groups, IReadOnlyList<ArrayUse> uses, KernelQueue? queue, IReadOnlyList<Launch> after)
    {
        try
        {
            return Start(ManagedKernel.EntryPoint, kernel.Arguments, groups, kernel, uses, queue, after);
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
    /// <param name="queue">As above.</param>
    /// <param name="after">As above.</param>
    /// <returns>The launch.</returns>
    private unsafe Launch Start(
        delegate* unmanaged<KernelContextData*, void*, void> function,
        void* arguments,
        nint groups,
        ManagedKernel? kernel,
        IReadOnlyList<ArrayUse> uses,
        KernelQueue? queue,
        IReadOnlyList<Launch> after)
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
                // SAFETY: the function and its arguments stay valid until the launch has ended: the kernel's handle is released by Launch. The lists are read during the call.
                ulong handle;
                fixed (NativeUsage* first = usages)
                {
                    int status = queue == null
                        ? NativeMethods.gpusvm_launch_start_using(_handle, function, arguments, (ulong)groups, first, (ulong)usages.Length, out handle)
                        : StartInQueue(queue, after, function, arguments, (ulong)groups, first, (ulong)usages.Length, out handle);
                    NativeErrors.Check(status);
                }

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

    /// <summary>Starts a launch in a queue. Of what it waits for, those whose end has been read have no handle any more, and need none.</summary>
    /// <param name="queue">The queue.</param>
    /// <param name="after">What it waits for.</param>
    /// <param name="function">What to run.</param>
    /// <param name="arguments">What to run it with.</param>
    /// <param name="groups">How many groups.</param>
    /// <param name="usages">What it uses.</param>
    /// <param name="count">How many pieces.</param>
    /// <param name="handle">The launch.</param>
    /// <returns>The library's status.</returns>
    private static unsafe int StartInQueue(
        KernelQueue queue,
        IReadOnlyList<Launch> after,
        delegate* unmanaged<KernelContextData*, void*, void> function,
        void* arguments,
        ulong groups,
        NativeUsage* usages,
        ulong count,
        out ulong handle)
    {
        while (true)
        {
            ulong[] waits = [.. after.Where(static launch => !launch.IsCompleted).Select(static launch => launch.Handle)];
            fixed (ulong* first = waits)
            {
                var options = new NativeLaunchOptions { StructBytes = (uint)sizeof(NativeLaunchOptions), WaitCount = (uint)waits.Length, Waits = first, Usages = usages, UsageCount = count };
                int status = NativeMethods.gpusvm_queue_launch(queue.Handle, function, arguments, groups, options, out handle);
                if (status != (int)StatusCode.InvalidHandle || waits.Length == after.Count(static launch => !launch.IsCompleted))
                    return status; // Otherwise one of them has ended, and been read, meanwhile.
            }
        }
    }
}
