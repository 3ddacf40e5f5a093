// SPDX-License-Identifier: MIT
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Faults;

/// <summary>A VM whose faults a service serves, and how many of them it is serving now, so that one that goes is not left while a thread works for it.</summary>
/// <param name="vm">The VM.</param>
/// <param name="device">The service's device as the VM knows it.</param>
internal sealed class ServedVm(GpuVm vm, VmDevice device)
{
    private readonly StripedSums _serving = new(1);
    private int _hasEnded; // Interlocked.

    /// <summary>The VM.</summary>
    public GpuVm Vm => vm;

    /// <summary>The service's device as the VM knows it.</summary>
    public VmDevice Device => device;

    /// <summary>The number that the VM's faults carry.</summary>
    public int AddressSpaceId => device.AddressSpaceId;

    /// <summary>Begins to serve one of its faults; end that by <see cref="Leave"/>.</summary>
    /// <returns>False if the VM is gone.</returns>
    public bool TryEnter()
    {
        _serving.Add(0, 1); // Before the look: either End's sum has it, or it sees the end.
        if (Volatile.Read(ref _hasEnded) == 0)
            return true;
        Leave();
        return false;
    }

    /// <summary>Ends what one <see cref="TryEnter"/> began.</summary>
    public void Leave() => _serving.Add(0, -1);

    /// <summary>Lets nobody in any more, and waits until everybody is out.</summary>
    /// <remarks>Locking: a wait for faults being served; nothing may be held that they need.</remarks>
    public void End()
    {
        Interlocked.Exchange(ref _hasEnded, 1); // Pairs with TryEnter.
        SpinWait spin = default;
        while (_serving.Read(0) != 0)
            spin.SpinOnce();
    }
}
