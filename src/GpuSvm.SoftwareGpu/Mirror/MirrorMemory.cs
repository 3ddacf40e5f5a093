// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Locking;

namespace GpuSvm.SoftwareGpu.Mirror;

/// <summary>The private memory of a mirror device: frames of 4 KiB that no CPU can reach.</summary>
/// <remarks>Freed frames are filled with rubbish, so that a read through an entry that should have gone does not find what it looks for.</remarks>
internal sealed class MirrorMemory
{
    private const byte Rubbish = 0xEE;

    private readonly RankedLock _lock = new(LockRank.DeviceMemory, "MirrorMemory");
    private readonly byte[] _bytes; // A frame's bytes belong to whoever owns the frame.
    private readonly Stack<int> _free = new(); // Guarded by _lock.
    private readonly bool[] _used; // By frame. Guarded by _lock.

    /// <summary>Makes the memory; all of it is free.</summary>
    /// <param name="frames">How many frames.</param>
    public MirrorMemory(int frames)
    {
        _bytes = new byte[frames << PageSize.Shift];
        for (int frame = frames - 1; frame >= 0; frame--)
            _free.Push(frame);
        _used = new bool[frames];
        Frames = frames;
    }

    /// <summary>How many frames there are.</summary>
    public int Frames { get; }

    /// <summary>How many of them are free.</summary>
    public int FreeFrames
    {
        get
        {
            using (_lock.Enter())
                return _free.Count;
        }
    }

    /// <summary>Hands a frame out; its contents are rubbish.</summary>
    /// <param name="frame">The frame.</param>
    /// <returns>False if none is left.</returns>
    public bool TryAllocate(out int frame)
    {
        using (_lock.Enter())
        {
            if (!_free.TryPop(out frame))
                return false;
            _used[frame] = true;
            return true;
        }
    }

    /// <summary>Takes a frame back.</summary>
    /// <param name="frame">A frame handed out.</param>
    public void Free(int frame)
    {
        Bytes(frame).Fill(Rubbish);
        using (_lock.Enter())
        {
            _used[frame] = false;
            _free.Push(frame);
        }
    }

    /// <summary>The first frame that is handed out.</summary>
    /// <param name="from">The first to look at.</param>
    /// <returns>The frame; -1 if none is, from there on.</returns>
    public int NextUsed(int from)
    {
        using (_lock.Enter())
            return from < _used.Length ? Array.IndexOf(_used, true, from) : -1;
    }

    /// <summary>The bytes of a frame.</summary>
    /// <param name="frame">A frame handed out.</param>
    /// <returns>Its 4096 bytes.</returns>
    public Span<byte> Bytes(int frame) => _bytes.AsSpan(frame << PageSize.Shift, PageSize.Bytes);
}
