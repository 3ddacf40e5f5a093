// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Vm;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Native;

/// <content>Queues, and what runs in them.</content>
internal sealed partial class Session
{
    private SoftwareGpuLaunch? _last; // On portable memory: what was started last, wherever; the next waits for it. Guarded by _gate.

    /// <summary>Makes a queue of a device.</summary>
    /// <param name="device">The device's number.</param>
    /// <returns>The queue's handle; throws a <see cref="SessionException"/> if the memory is closing.</returns>
    public ulong CreateQueue(uint device)
    {
        SessionDevice owner = DeviceAt(device);
        lock (_gate)
        {
            if (_draining)
                throw new SessionException(SvmStatus.InvalidHandle, Handles.NoMemory);
            ulong handle = Handles.Queues.Add(Adopt(owner, owner.Gpu.CreateQueue()));
            _queues.Add(handle);
            return handle;
        }
    }

    /// <summary>Ends a queue that was taken out of the handles; what is inside goes on.</summary>
    /// <param name="handle">Its handle.</param>
    /// <param name="queue">The queue.</param>
    public void EndQueue(ulong handle, SessionQueue queue)
    {
        lock (_gate)
        {
            _queues.Remove(handle);
            queue.Vm?.Queues.Remove(handle);
        }

        queue.Queue.Close();
    }

    /// <summary>Waits until all that was launched in a queue so far has ended.</summary>
    /// <param name="queue">The queue.</param>
    /// <param name="timeoutMs">Milliseconds; <see cref="uint.MaxValue"/> for as long as it takes.</param>
    /// <returns>False if something still runs.</returns>
    public bool Wait(SessionQueue queue, uint timeoutMs)
    {
        SoftwareGpuLaunch? last;
        lock (_gate)
            last = queue.Last;
        return last is null || last.Wait(timeoutMs == uint.MaxValue ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(timeoutMs));
    }

    /// <summary>Lets what the program has changed before be noticed: what it has unmapped, whoever begins now does not find any more.</summary>
    /// <remarks>Waits for units, so a kernel that launches another does without: it would wait for its own windows.</remarks>
    private void NoticeChanges()
    {
        if (!IsUnitThread)
            _host.WaitForEvents();
    }

    /// <summary>Starts a kernel in the queue of launches that name none.</summary>
    /// <param name="kernel">A gpusvm_kernel.</param>
    /// <param name="arguments">What it is given.</param>
    /// <param name="groups">At least 1.</param>
    /// <param name="memory">What it uses; in a memory with faults nothing needs naming.</param>
    /// <returns>As <see cref="Start(SessionQueue, in SessionWork)"/>.</returns>
    public ulong Start(nint kernel, nint arguments, ulong groups, params JobMemory[] memory) => Start(_firstQueue, new SessionWork(kernel, arguments, groups, memory, []));

    /// <summary>Starts a kernel.</summary>
    /// <param name="queue">Where.</param>
    /// <param name="work">What it is to do.</param>
    /// <returns>The launch's handle; throws a <see cref="SessionException"/> if the memory is closing, or cannot be had.</returns>
    public ulong Start(SessionQueue queue, in SessionWork work)
    {
        NoticeChanges();
        if (work.Callback != 0)
            _callbacks.Prepare();
        if (!_vm.Options.WithoutFaults)
            return Enqueue(queue, work, null);
        GpuVm vm = queue.Vm?.Vm ?? _vm;
        TraceUse(work.Memory, queue.Device.Number);
        SvmStatus status = vm.BeginJob(work.Memory, out GpuJob? job, out VirtualAddress failedAt, queue.Device.Number);
        try
        {
            if (status == SvmStatus.Done)
                return Enqueue(queue, work, job);
            throw new SessionException(status, $"The memory that the launch uses cannot be had{(failedAt == default ? "" : $" at {failedAt}")}: {status.Describe()}.");
        }
        catch
        {
            if (job is not null)
                _ = vm.EndJob(job); // What else there is to say is in the exception.
            if (_memory.Kind == MemoryKind.Portable)
                _ = _vm.BringHome(); // As above; the next launch's end tries again.
            throw;
        }
    }

    /// <summary>Puts a kernel into a queue.</summary>
    /// <param name="queue">The queue.</param>
    /// <param name="work">What it is to do.</param>
    /// <param name="job">What holds its memory; null with faults.</param>
    /// <returns>The launch's handle; throws a <see cref="SessionException"/> if the memory is closing.</returns>
    private ulong Enqueue(SessionQueue queue, in SessionWork work, GpuJob? job)
    {
        SoftwareGpuLaunch launch;
        ulong handle;
        lock (_gate)
        {
            if (_draining || queue.Vm is { IsEnding: true })
                throw new SessionException(SvmStatus.InvalidHandle, _draining ? Handles.NoMemory : Handles.NoVm);
            SoftwareGpuLaunch[] after = _last is null ? work.After : [.. work.After, _last];
            SessionTrace? trace = _trace;
            long number = trace?.Begin(work.Kernel, queue.Device.Number) ?? 0;
            SvmStatus status = queue.Queue.Start(queue.Table, work.Kernel, work.Arguments, work.Groups, out launch, after);
            if (status != SvmStatus.Done)
            {
                trace?.End(number, queue.Device.Number);
                throw new SessionException(status, $"The launch could not be started: {status.Describe()}.");
            }

            if (trace is not null)
                _traced.Add(launch, (trace, number, queue.Device.Number)); // Its end takes the gate, so it finds this.
            queue.Last = launch;
            _last = _memory.Kind == MemoryKind.Portable ? launch : null;
            handle = Handles.Launches.Add(new SessionLaunch(this, launch));
            _launches.Add(handle, launch);
            if (job is not null)
                _jobs.Add(launch, job);
            if (queue.Vm is { } vm)
                _vmOf.Add(launch, vm);
            if (work.Callback != 0)
                _callbacks.Register(launch, handle, work.Callback, work.CallbackArguments);
        }

        job?.WhenFailed(failed => launch.Cancel(failed.Status, failed.FailedAt, MemoryAccess.Write));
        return handle;
    }

    /// <summary>Ends a launch's handle once somebody has been told how the launch ended.</summary>
    /// <param name="handle">The handle; nothing happens if it has ended.</param>
    public void Forget(ulong handle)
    {
        lock (_gate)
        {
            if (_launches.Remove(handle, out SoftwareGpuLaunch? launch))
                _vmOf.Remove(launch);
        }

        Handles.Launches.Remove(handle);
    }

    /// <summary>Makes a device's queue one of the session.</summary>
    /// <param name="device">The device.</param>
    /// <param name="queue">Its queue, in which nothing was started yet.</param>
    /// <param name="vm">The address space of its launches; null for the first.</param>
    /// <returns>The queue.</returns>
    private SessionQueue Adopt(SessionDevice device, SoftwareGpuQueue queue, SessionVm? vm = null)
    {
        queue.BeforeCompletion = EndLaunch;
        return new SessionQueue(this, device, queue, vm);
    }

    /// <summary>Ends a launch's job, and brings every page home before a launch on portable memory is reported; logs a failure; the queue turns what this throws into the launch's failure.</summary>
    /// <param name="launch">The launch whose last group has ended.</param>
    private void EndLaunch(SoftwareGpuLaunch launch)
    {
        GpuJob? job;
        SessionVm? vm;
        lock (_gate)
        {
            _jobs.Remove(launch, out job);
            _vmOf.TryGetValue(launch, out vm);
        }

        TraceEnd(launch);
        if (job is not null)
            _ = (vm?.Vm ?? _vm).EndJob(job); // Had it failed, the launch has: WhenFailed.
        if (launch.Status != SvmStatus.Done && Log.Wants(LogLevel.Warning))
            Log.Write(LogLevel.Warning, $"A launch failed: {launch.Message}");
        if (_memory.Kind != MemoryKind.Portable)
            return;
        SvmStatus status = _vm.BringHome();
        if (status != SvmStatus.Done)
            throw new SessionException(status, $"not every page could be brought home: {status.Describe()}; the bytes are safe in device memory and the next launch's end tries again");
    }
}
