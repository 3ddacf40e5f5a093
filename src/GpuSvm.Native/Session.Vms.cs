// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Vm;
using GpuSvm.Native.Abi;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Native;

/// <content>GPU address spaces beside the first: page tables and wishes of their own over the same memory and devices.</content>
internal sealed partial class Session
{
    private const int MostVms = 32;

    private readonly SessionOptions _options;
    private readonly Dictionary<ulong, SessionVm> _vms = []; // Beside the first, by handle. Guarded by _gate.

    /// <summary>Makes a GPU address space.</summary>
    /// <returns>Its handle; throws a <see cref="SessionException"/> if it cannot be.</returns>
    /// <remarks>Policies that keep a state for a device (what to evict, what to keep free, access counters) and prefetching are the first address space's alone.</remarks>
    public ulong CreateVm()
    {
        lock (_gate)
        {
            if (_draining)
                throw new SessionException(SvmStatus.InvalidHandle, Handles.NoMemory);
            if (_vms.Count == MostVms)
                throw new SessionException(SvmStatus.Busy, $"A memory has at most {MostVms} address spaces beside its first: destroy one first.");
        }

        GpuVmOptions options = VmOptions(_options, _memory.Kind) with { Prefetch = null, Eviction = null, KeepFreeBytes = 0, AccessCounters = null };
        var vm = new GpuVm(_host, [.. _devices.Select(static device => device.Gpu)], options);
        foreach (SessionDevice device in _devices)
            device.Serve(vm);
        var made = new SessionVm(this, vm);
        ulong handle = Handles.Vms.Add(made);
        lock (_gate)
            _vms.Add(handle, made); // The caller has the session borrowed: it is not being disposed.
        return handle;
    }

    /// <summary>Ends an address space whose handle has been taken out: waits for its launches first.</summary>
    /// <param name="handle">What its handle was.</param>
    /// <param name="ended">The address space.</param>
    public void EndVm(ulong handle, SessionVm ended)
    {
        ulong[] queues;
        lock (_gate)
        {
            if (ended.IsEnding)
                return; // Somebody else ends it: the session's end, or who is before it.
            ended.IsEnding = true;
            _enders++;
            queues = [.. ended.Queues];
        }

        try
        {
            EndVm(handle, ended, queues);
        }
        finally
        {
            lock (_gate)
                _enders--;
        }
    }

    /// <summary>As the other, by the one who ends it.</summary>
    /// <param name="handle">What its handle was.</param>
    /// <param name="ended">The address space.</param>
    /// <param name="queues">Handles of its queues.</param>
    private void EndVm(ulong handle, SessionVm ended, ulong[] queues)
    {
        foreach (ulong queue in queues)
        {
            if (Handles.Queues.RemoveAndDrain(queue, out SessionQueue? emptied, static _ => { }))
                EndQueue(queue, emptied);
        }

        SoftwareGpuLaunch[] launches;
        lock (_gate)
            launches = [.. _launches.Values.Where(launch => _vmOf.TryGetValue(launch, out SessionVm? vm) && vm == ended)];
        foreach (SoftwareGpuLaunch launch in launches)
            launch.Wait(Timeout.InfiniteTimeSpan);
        foreach (SessionDevice device in _devices)
            device.Forget(ended.Vm);
        lock (_gate)
        {
            _vms.Remove(handle);
            foreach (SoftwareGpuLaunch launch in _vmOf.Where(pair => pair.Value == ended).Select(static pair => pair.Key).ToArray())
                _vmOf.Remove(launch);
        }

        ended.Vm.Dispose();
    }

    /// <summary>Makes a queue of a device, whose launches run in an address space.</summary>
    /// <param name="vm">The address space.</param>
    /// <param name="device">The device's number.</param>
    /// <returns>The queue's handle; throws a <see cref="SessionException"/> if it is ending.</returns>
    public ulong CreateQueue(SessionVm vm, uint device)
    {
        SessionDevice owner = DeviceAt(device);
        lock (_gate)
        {
            if (_draining || vm.IsEnding)
                throw new SessionException(SvmStatus.InvalidHandle, Handles.NoVm);
            ulong handle = Handles.Queues.Add(Adopt(owner, owner.Gpu.CreateQueue(), vm));
            _queues.Add(handle);
            vm.Queues.Add(handle);
            return handle;
        }
    }

    /// <summary>Changes what is advised of memory in an address space; otherwise as the other.</summary>
    /// <param name="vm">The address space.</param>
    /// <param name="interval">Whole pages inside one allocation.</param>
    /// <param name="wishes">What is to change.</param>
    public void Advise(SessionVm vm, AddressRange interval, AdviceStruct wishes) => Advise(vm.Vm, interval, wishes);

    /// <summary>Ends all address spaces but the first, for the session ends and has drained.</summary>
    private void EndVms()
    {
        KeyValuePair<ulong, SessionVm>[] vms;
        lock (_gate)
            vms = [.. _vms];
        foreach ((ulong handle, SessionVm vm) in vms)
        {
            Handles.Vms.RemoveAndDrain(handle, out _, static _ => { });
            EndVm(handle, vm);
        }
    }
}
