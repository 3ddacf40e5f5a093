// SPDX-License-Identifier: MIT
using GpuSvm.Core;

namespace GpuSvm.SoftwareGpu;

/// <summary>
/// A queue of launches. They run in the order they were started, one at a time; a launch may also wait for launches of other queues and devices. Queues of one device share its units and know
/// nothing else of each other.
/// </summary>
/// <remarks>Thread-safe. Locking: the fields are guarded by the scheduler's gate.</remarks>
public sealed class SoftwareGpuQueue
{
    private readonly SoftwareGpuDevice _device;
    private readonly SoftwareGpuScheduler _scheduler;
    private long _launches;

    /// <summary>Makes a queue.</summary>
    /// <param name="device">The device.</param>
    /// <param name="scheduler">Who gives its launches the device's units.</param>
    internal SoftwareGpuQueue(SoftwareGpuDevice device, SoftwareGpuScheduler scheduler)
    {
        _device = device;
        _scheduler = scheduler;
        scheduler.Add(this);
    }

    /// <summary>
    /// Called on a unit's thread after the last group of a launch has ended and before the launch is reported complete or the next one of the queue begins; a portable memory brings its pages home here.
    /// No unit runs one of the queue's launches meanwhile. If it throws, the launch fails with <see cref="SvmStatus.KernelFailed"/> and the exception's message. Set before the first launch.
    /// </summary>
    public Action<SoftwareGpuLaunch>? BeforeCompletion { get; set; }

    /// <summary>Launches started since the queue was made.</summary>
    public long Launches
    {
        get => Volatile.Read(ref _launches); // Written under the scheduler's gate; any recent value will do.
        internal set => Volatile.Write(ref _launches, value);
    }

    /// <summary>Launches that have not begun, in order.</summary>
    internal Queue<SoftwareGpuLaunch> Waiting { get; } = new();

    /// <summary>The launch that runs.</summary>
    internal SoftwareGpuLaunch? Current { get; set; }

    /// <summary>Whether it takes no launches any more.</summary>
    internal bool IsClosed { get; set; }

    /// <summary>Whether no launch is inside.</summary>
    internal bool IsEmpty => Current is null && Waiting.Count == 0;

    /// <summary>Puts a launch at the queue's end.</summary>
    /// <param name="table">The address space it runs in; not disposed before the launch is complete.</param>
    /// <param name="kernel">A native function, void (SoftwareGpuKernelContext*, void*); called once for each group, on any unit.</param>
    /// <param name="arguments">Its second argument, valid until the launch is complete.</param>
    /// <param name="groups">How many groups, at least 1.</param>
    /// <param name="launch">The launch; if it is refused, one that is complete with the returned status.</param>
    /// <param name="after">Launches of any queue and device that are complete before this one begins, however they ended; copied.</param>
    /// <returns><see cref="SvmStatus.Done"/>, <see cref="SvmStatus.InvalidArgument"/>, or <see cref="SvmStatus.DeviceGone"/> once the device is unplugged or being disposed, or the queue is closed.</returns>
    public SvmStatus Start(SoftwareGpuPageTable table, nint kernel, nint arguments, ulong groups, out SoftwareGpuLaunch launch, params ReadOnlySpan<SoftwareGpuLaunch> after)
    {
        ArgumentNullException.ThrowIfNull(table);
        SvmStatus status = SvmStatus.InvalidArgument;
        if (kernel != 0 && groups != 0 && ReferenceEquals(table.Device, _device))
        {
            launch = new SoftwareGpuLaunch(table, kernel, arguments, groups) { Queue = this, After = after.ToArray() };
            status = _scheduler.Enqueue(this, launch);
            if (status == SvmStatus.Done)
                return status;
        }

        launch = new SoftwareGpuLaunch(null, 0, 0, 0, status);
        return status;
    }

    /// <summary>Takes no launches any more; those inside go on to their ends. The device's first queue lives as long as the device.</summary>
    public void Close() => _scheduler.Close(this);

    /// <summary>Looks whether the first launch can begin: one that it waited for is complete.</summary>
    internal void Poke() => _scheduler.Poke(this);

    /// <summary>Calls the hook, and turns what it throws into the launch's failure.</summary>
    /// <param name="launch">The launch whose last group has ended.</param>
    internal void CallBeforeCompletion(SoftwareGpuLaunch launch)
    {
        try
        {
            BeforeCompletion?.Invoke(launch);
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            launch.TryFail(SvmStatus.KernelFailed, 0, default, $"Work after the last group failed: {exception.Message}");
        }
    }
}
