// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Simulation;

namespace GpuSvm.Stress;

/// <content>The host memory's own operations: each a schedule point, then the real memory's.</content>
internal sealed partial class RealProgramMemory
{
    /// <inheritdoc/>
    public HostMemoryCapabilities Capabilities => _inner.Capabilities;

    /// <inheritdoc/>
    public void Connect(IHostMemoryClient client)
    {
        _client = new RelayingClient(client, _director);
        _inner.Connect(_client);
    }

    /// <inheritdoc/>
    public SvmStatus Allocate(long bytes, out AddressRange interval)
    {
        Reach(nameof(SimulatedOperation.Allocate));
        return _inner.Allocate(bytes, out interval);
    }

    /// <inheritdoc/>
    public bool IsAllocation(AddressRange interval) => _inner.IsAllocation(interval);

    /// <inheritdoc/>
    public IReadOnlyList<AddressRange> AllocatedPieces(AddressRange interval) => _inner.AllocatedPieces(interval);

    /// <inheritdoc/>
    public SvmStatus Free(AddressRange interval)
    {
        Reach(nameof(SimulatedOperation.Free));
        return _inner.Free(interval);
    }

    /// <inheritdoc/>
    public SvmStatus Adopt(AddressRange interval, bool isInPlace) => _inner.Adopt(interval, isInPlace);

    /// <inheritdoc/>
    public IReadOnlyList<AddressRange> AdoptedPieces(AddressRange interval) => _inner.AdoptedPieces(interval);

    /// <inheritdoc/>
    public void Disown(AddressRange interval) => _inner.Disown(interval);

    /// <inheritdoc/>
    public bool TryFindMapping(VirtualAddress address, out HostMapping mapping)
    {
        Reach(nameof(SimulatedOperation.Query));
        return _inner.TryFindMapping(address, out mapping);
    }

    /// <inheritdoc/>
    public void NoticeChanges(AddressRange interval) => _inner.NoticeChanges(interval);

    /// <inheritdoc/>
    public SvmStatus Query(AddressRange interval, Span<HostPage> pages)
    {
        Reach(nameof(SimulatedOperation.Query));
        return _inner.Query(interval, pages);
    }

    /// <inheritdoc/>
    public SvmStatus Populate(AddressRange interval, MemoryAccess access)
    {
        Reach(nameof(SimulatedOperation.Populate));
        return _inner.Populate(interval, access);
    }

    /// <inheritdoc/>
    public SvmStatus Detach(AddressRange interval, HostStaging staging)
    {
        Reach(nameof(SimulatedOperation.Detach));
        return _inner.Detach(interval, staging);
    }

    /// <inheritdoc/>
    public SvmStatus Attach(AddressRange interval, HostStaging staging, int first, bool writable)
    {
        Reach(nameof(SimulatedOperation.Attach));
        return _inner.Attach(interval, staging, first, writable);
    }

    /// <inheritdoc/>
    public HostStaging? AcquireStaging(AddressRange interval, bool forAttach)
    {
        HostStaging? staging = _inner.AcquireStaging(interval, forAttach);
        if (staging is not null)
            Interlocked.Increment(ref _stagingBlocks); // Pairs with VerifyNoLeaks.
        return staging;
    }

    /// <inheritdoc/>
    public void ReleaseStaging(HostStaging staging)
    {
        _inner.ReleaseStaging(staging);
        Interlocked.Decrement(ref _stagingBlocks); // Pairs with VerifyNoLeaks.
    }

    /// <inheritdoc/>
    public SvmStatus WriteProtect(AddressRange interval, bool protect)
    {
        Reach(nameof(SimulatedOperation.WriteProtect));
        return _inner.WriteProtect(interval, protect);
    }

    /// <inheritdoc/>
    public SvmStatus Discard(AddressRange interval)
    {
        Reach(nameof(SimulatedOperation.Discard));
        return _inner.Discard(interval);
    }

    /// <inheritdoc/>
    public void Wake(AddressRange interval) => _inner.Wake(interval);

    /// <inheritdoc/>
    public SvmStatus Read(VirtualAddress address, Span<byte> destination)
    {
        Reach(nameof(SimulatedOperation.DmaAccess));
        return _inner.Read(address, destination);
    }

    /// <inheritdoc/>
    public SvmStatus ReadInto(AddressRange interval, HostStaging staging, int first)
    {
        Reach(nameof(SimulatedOperation.DmaAccess));
        return _inner.ReadInto(interval, staging, first);
    }

    /// <inheritdoc/>
    public SvmStatus Write(VirtualAddress address, ReadOnlySpan<byte> source)
    {
        Reach(nameof(SimulatedOperation.DmaAccess));
        return _inner.Write(address, source);
    }
}
