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
            if (!_mirrors.Remove(handle, out device))
                return SvmStatus.Done; // The session's end was first.
            _enders++;
        }

        SvmStatus status = SvmStatus.Busy;
        try
        {
            status = device.Close();
            return status;
        }
        finally
        {
            lock (_gate)
            {
                if (status != SvmStatus.Done)
                    _mirrors.Add(handle, device); // For the session's end.
                _enders--;
            }
        }
    }

    /// <summary>Ends all mirrors, for the session ends.</summary>
    private void EndMirrors()
    {
        ulong[] handles;
        lock (_gate)
            handles = [.. _mirrors.Keys];
        foreach (ulong handle in handles)
        {
            Handles.Mirrors.RemoveAndDrain(handle, out _, static _ => { });
            MirrorDevice? device;
            lock (_gate)
            {
                if (!_mirrors.Remove(handle, out device))
                    continue; // Somebody else ends it.
            }

            if (device.Close() != SvmStatus.Done)
                device.Dispose(); // Its pages go with the memory; what is attached is brought home as long as it takes.
        }
    }
}
