// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.SoftwareGpu.Mirror;

namespace GpuSvm.Native;

/// <content>Mirror devices: the least that a device can be, for tests of drivers and of this library.</content>
internal sealed partial class Session
{
    private const int FirstMirrorToken = 1 << 20; // Beyond the tokens of the VM's devices.
    private const int MostMirrors = 16;
    private const ulong MaxMirrorBytes = 1UL << 30;

    private readonly Dictionary<ulong, MirrorDevice> _mirrors = []; // By handle; one that could not be closed stays with handle until the session ends. Guarded by _gate.
    private int _mirrorTokens; // Mirrors made so far. Guarded by _gate.

    /// <summary>Makes a mirror device over the session's address space.</summary>
    /// <param name="bytes">The size of its memory.</param>
    /// <returns>Its handle; throws a <see cref="SessionException"/> if it cannot be.</returns>
    public ulong CreateMirror(ulong bytes)
    {
        if (bytes is 0 or > MaxMirrorBytes || bytes % PageSize.Bytes != 0)
            throw new SessionException(SvmStatus.InvalidArgument, $"A mirror with {bytes} bytes of memory is not possible: choose a multiple of 4096 up to {MaxMirrorBytes}.");
        if (_memory.Kind == MemoryKind.Portable)
            throw new SessionException(SvmStatus.NotSupported, $"Portable memory cannot be mirrored: its pages do not move while the CPU may touch them. {KindReason}");
        lock (_gate)
        {
            if (_draining)
                throw new SessionException(SvmStatus.InvalidHandle, Handles.NoMemory);
            if (_mirrors.Count == MostMirrors)
                throw new SessionException(SvmStatus.Busy, $"A memory has at most {MostMirrors} mirrors: destroy one first.");
            var device = new MirrorDevice(_host, new PointerStagingAccess(), FirstMirrorToken + _mirrorTokens++, (int)(bytes >> PageSize.Shift));
            ulong handle = Handles.Mirrors.Add(new SessionMirror(this, device));
            _mirrors.Add(handle, device);
            return handle;
        }
    }

    /// <summary>Ends a mirror device whose handle has been taken out and is used by nobody: its pages come home.</summary>
    /// <param name="handle">What its handle was.</param>
    /// <returns><see cref="SvmStatus.Done"/>; otherwise why some pages did not come: they come when they are touched, or with the end of the session.</returns>
    public SvmStatus CloseMirror(ulong handle)
    {
        MirrorDevice? device;
        lock (_gate)
        {
            if (!_mirrors.TryGetValue(handle, out device))
                return SvmStatus.Done; // The session's end was first.
        }

        SvmStatus status = device.Close();
        if (status == SvmStatus.Done)
        {
            lock (_gate)
                _mirrors.Remove(handle);
        }

        return status;
    }

    /// <summary>Ends all mirrors, for the session ends.</summary>
    private void EndMirrors()
    {
        KeyValuePair<ulong, MirrorDevice>[] mirrors;
        lock (_gate)
            mirrors = [.. _mirrors];
        foreach ((ulong handle, MirrorDevice device) in mirrors)
        {
            Handles.Mirrors.RemoveAndDrain(handle, out _, static _ => { });
            if (device.Close() != SvmStatus.Done)
                device.Dispose(); // Its pages go with the memory; what is attached is brought home as long as it takes.
        }
    }
}
