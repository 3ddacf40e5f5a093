// SPDX-License-Identifier: MIT
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Locking;
using GpuSvm.Core.Policies;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Faults;

/// <summary>
/// Takes a device's access counter notifications of one VM, asks the policy, and brings what it wants to the device. Kernel: UVM's service of access counter notifications, which Xe and
/// amdkfd have not.
/// </summary>
/// <remarks>
/// What is mapped where it is causes no fault, so nothing else would ever bring it: pages that the thrash policy has left in RAM, those for which there was no room, those of a placement
/// policy that does not move on first touch. They come as a prefetch brings them, by <see cref="Prefetcher"/> and RangeMigrator: the migration's event takes the remote mapping away, and
/// the new one is written at once.
///
/// A thread of its own, started when first something is mapped remotely. No unit waits for it. A region of which nothing comes is asked for again after twice as many accesses, so a device that stays
/// full, a quarrel that goes on or memory that may not move cost less and less.
/// </remarks>
internal sealed class AccessCounterService : IDisposable
{
    private const int MaxAttempts = 4;
    private const int MaxBatch = 4096;

    private readonly GpuVm _vm;
    private readonly VmDevice _device;
    private readonly IAccessCounterPolicy _policy;
    private readonly IAccessCounterBuffer _buffer;
    private readonly HotRegion _region;
    private readonly Thread _thread;
    private long _dropped; // Of the buffer's, those that are counted. The thread's.
    private int _started; // Interlocked.

    /// <summary>Makes the service; it does nothing before something is mapped remotely, or at once if the device's own memory counts too.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="device">The device.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="buffer">The device's counters for the VM.</param>
    public AccessCounterService(GpuVm vm, VmDevice device, IAccessCounterPolicy policy, IAccessCounterBuffer buffer)
    {
        _vm = vm;
        _device = device;
        _policy = policy;
        _buffer = buffer;
        _region = new HotRegion(vm, device);
        _thread = new Thread(Run) { IsBackground = true, Name = "gpusvm-access-counters" };
        if (policy.CountsOwnMemory)
            Notice();
    }

    /// <summary>Something was mapped remotely for the device: from now on there may be notifications. Cheap once it was called.</summary>
    public void Notice()
    {
        if (Volatile.Read(ref _started) == 0 && Interlocked.Exchange(ref _started, 1) == 0) // The exchange decides.
            _thread.Start();
    }

    /// <summary>Ends the thread. What is in the buffer is nobody's.</summary>
    public void Dispose()
    {
        _buffer.Close();
        if (Interlocked.Exchange(ref _started, 1) != 0)
            _thread.Join();
    }

    /// <summary>The thread.</summary>
    private void Run()
    {
        var batch = new AccessNotification[Math.Clamp(_policy.Batch, 1, MaxBatch)];
        int count;
        while ((count = _buffer.Fetch(batch)) > 0)
        {
            long dropped = _buffer.Dropped;
            _vm.Counters.CountNotifications(count, dropped - _dropped);
            _dropped = dropped;
            HostWorkspace? workspace = _vm.Host.TryRentWorkspace();
            foreach (ref readonly AccessNotification notification in batch.AsSpan(0, count))
                Serve(notification, workspace);
            if (workspace is not null)
                _vm.Host.ReturnWorkspace(workspace);
        }
    }

    /// <summary>Serves one notification, and has its region counted anew.</summary>
    /// <param name="notification">As fetched.</param>
    /// <param name="workspace">Scratch; null if there is no memory for it.</param>
    private void Serve(in AccessNotification notification, HostWorkspace? workspace)
    {
        using var balance = LockBalance.Begin();
        int moved = 0;
        bool isHere = false;
        AccessCounterAction action = AccessCounterAction.Migrate;
        SvmStatus status = workspace is null ? SvmStatus.OutOfHostMemory : SvmStatus.Retry;
        for (int attempt = 0; attempt < MaxAttempts && (status.IsRetry() || status == SvmStatus.Unmapped) && action == AccessCounterAction.Migrate; attempt++)
        {
            _vm.Collect();
            using (_vm.Lock.EnterRead())
            {
                status = ServeOnce(notification, workspace!, out action, out int came);
                isHere = _region.IsHere;
                moved += came;
            }
        }

        bool isMove = action == AccessCounterAction.Migrate || moved > 0; // A second look may have found that all had come.
        int doublings = action == AccessCounterAction.Stay ? IAccessCounterBuffer.MaxDoublings
            : isHere || moved > 0 ? 0
            : notification.Doublings + 1;
        _buffer.Clear(notification, doublings);
        _vm.Counters.CountServed(moved);
        _vm.Host.Events.AccessCounter(notification.Region, _device.Pagemap.Index, isMove ? MigrationCause.AccessCounter : MigrationCause.None, status);
    }

    /// <summary>One try: looks, asks, and brings.</summary>
    /// <param name="notification">As fetched.</param>
    /// <param name="workspace">The caller's.</param>
    /// <param name="action">What was decided.</param>
    /// <param name="moved">How many pages came.</param>
    /// <returns><see cref="SvmStatus.Done"/> also if nothing is to come.</returns>
    /// <remarks>Locking: Vm held.</remarks>
    private SvmStatus ServeOnce(in AccessNotification notification, HostWorkspace workspace, out AccessCounterAction action, out int moved)
    {
        action = AccessCounterAction.Leave;
        moved = 0;
        _region.Look(notification.Region, workspace);
        if (_region.HasParts || (_region.IsHere && _policy.CountsOwnMemory))
            action = _policy.Answer(_region.Facts(notification.Accesses, notification.Doublings));
        return action == AccessCounterAction.Migrate ? _region.Bring(workspace, out moved) : SvmStatus.Done;
    }
}
