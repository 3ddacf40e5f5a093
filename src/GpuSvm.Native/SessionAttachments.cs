// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Host;

namespace GpuSvm.Native;

/// <summary>
/// What the program has attached to a session. The pages that lie wholly inside are its own and may move; those at the ends that it shares with neighbours (a buffer of malloc) are used in place,
/// and two buffers may meet in one.
/// </summary>
/// <remarks>Locking: <see cref="_gate"/> guards the fields and lets one attach or detach at a time; the host address space is called under it.</remarks>
/// <param name="host">The host address space.</param>
internal sealed class SessionAttachments(HostAddressSpace host)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, List<AddressRange>> _attached = []; // By pointer: what was adopted for it.
    private readonly Dictionary<AddressRange, int> _ends = []; // Pages at ends, and how many attachments use each.

    /// <summary>Attaches memory; throws a <see cref="SessionException"/> if it cannot be, and then nothing has changed.</summary>
    /// <param name="pointer">The first byte.</param>
    /// <param name="bytes">How many.</param>
    /// <param name="isInPlace">Whether all of it is to be used where it is.</param>
    public void Attach(VirtualAddress pointer, ulong bytes, bool isInPlace)
    {
        if (bytes == 0 || pointer.Value == 0 || pointer.Value >= DeviceWindows.First || bytes > DeviceWindows.First - pointer.Value)
            throw new SessionException(SvmStatus.InvalidArgument, $"{bytes} bytes from {pointer} on cannot be attached: give the address and length of memory that the process has.");
        AddressRange exact = AddressRange.OfBytes(pointer, (long)bytes);
        lock (_gate)
        {
            bool isKnown = _attached.TryGetValue(pointer.Value, out List<AddressRange>? before);
            List<AddressRange> parts = PartsOf(exact);
            if (isKnown && parts.TrueForAll(_ends.ContainsKey)) // Otherwise the host memory refuses what is shared already.
                throw new SessionException(SvmStatus.InvalidArgument, $"{pointer} is attached already: detach it first.");
            List<AddressRange> adopted = [];
            foreach (AddressRange part in parts)
            {
                bool isEnd = !exact.Contains(part);
                SvmStatus status = isEnd && _ends.ContainsKey(part) ? SvmStatus.Done : host.Adopt(part, isInPlace || isEnd);
                if (status != SvmStatus.Done)
                {
                    foreach (AddressRange earlier in adopted)
                        _ = Release(earlier); // Nobody has used it yet.
                    throw new SessionException(status == SvmStatus.InvalidHandle ? SvmStatus.InvalidArgument : status == SvmStatus.NotMigratable ? SvmStatus.NotSupported : status, WhyNot(exact, status));
                }

                if (isEnd)
                    _ends[part] = _ends.GetValueOrDefault(part) + 1;
                adopted.Add(part);
            }

            if (isKnown)
                before!.AddRange(adopted); // The program has unmapped what was attached there, and mapped anew: one detach ends both.
            else
                _attached.Add(pointer.Value, adopted);
        }
    }

    /// <summary>Detaches what was attached: its pages are home and the program's alone. Throws a <see cref="SessionException"/> if that cannot be; it is attached as before then.</summary>
    /// <param name="pointer">As it was given to <see cref="Attach"/>.</param>
    public void Detach(VirtualAddress pointer)
    {
        lock (_gate)
        {
            if (!_attached.TryGetValue(pointer.Value, out List<AddressRange>? adopted))
                throw new SessionException(SvmStatus.InvalidHandle, $"{pointer} is not attached to this memory: it was detached before, or never came to gpusvm_attach.");
            while (adopted.Count > 0)
            {
                AddressRange part = adopted[^1];
                SvmStatus status = Release(part);
                if (status != SvmStatus.Done)
                    throw new SessionException(status, $"{part} could not be detached: {status.Describe()}. Nothing is lost, and it is still attached; wait for the launches that use it, and try again.");
                adopted.RemoveAt(adopted.Count - 1);
            }

            _attached.Remove(pointer.Value);
        }
    }

    /// <summary>Detaches everything, for the session ends. What cannot come home is tried again until it can: no launch is running, so only memory can be missing, and ending without it would take
    /// the program's bytes along.</summary>
    public void DetachAll()
    {
        const int AttemptsBeforeWarning = 20;
        const int LongestPause = 50;
        ulong[] pointers;
        lock (_gate)
            pointers = [.. _attached.Keys];
        for (int attempt = 1; ; attempt++)
        {
            pointers = Array.FindAll(pointers, pointer => !TryDetach(pointer, attempt == AttemptsBeforeWarning));
            if (pointers.Length == 0)
                return;
            Thread.Sleep(Math.Min(attempt, LongestPause));
        }
    }

    /// <summary>Detaches what was attached, if it can be.</summary>
    /// <param name="pointer">The pointer.</param>
    /// <param name="warns">Whether to say so if not.</param>
    /// <returns>False if a page could not come home. Where the process's memory is given up there is none that could.</returns>
    private bool TryDetach(ulong pointer, bool warns)
    {
        try
        {
            Detach(new VirtualAddress(pointer));
            return true;
        }
        catch (SessionException failed)
        {
            bool isOver = failed.Status is SvmStatus.InvalidHandle or SvmStatus.ProcessGone;
            if (warns && !isOver)
                Log.Write(LogLevel.Warning, $"Closing waits for memory that was attached: {failed.Message}");
            return isOver;
        }
    }

    /// <summary>Lets go of a part, or of its use by one attachment.</summary>
    /// <param name="part">The part.</param>
    /// <returns>As <see cref="HostAddressSpace.Disown"/>.</returns>
    private SvmStatus Release(AddressRange part)
    {
        if (!_ends.TryGetValue(part, out int uses))
            return host.Disown(part);
        if (uses > 1)
        {
            _ends[part] = uses - 1;
            return SvmStatus.Done;
        }

        SvmStatus status = host.Disown(part);
        if (status == SvmStatus.Done)
            _ends.Remove(part);
        return status;
    }

    /// <summary>Cuts an interval into the page at its begin that is not whole inside, the pages that are, and the one at its end.</summary>
    /// <param name="exact">The interval.</param>
    /// <returns>One to three parts, whole pages.</returns>
    private static List<AddressRange> PartsOf(AddressRange exact)
    {
        AddressRange outer = exact.AlignOutward();
        var start = exact.Start == outer.Start ? outer.Start : outer.Start + PageSize.Bytes;
        var end = exact.End == outer.End ? outer.End : outer.End - PageSize.Bytes;
        if (start > end)
            return [outer];
        List<AddressRange> parts = [];
        if (outer.Start < start)
            parts.Add(new AddressRange(outer.Start, start));
        if (start < end)
            parts.Add(new AddressRange(start, end));
        if (end < outer.End)
            parts.Add(new AddressRange(end, outer.End));
        return parts;
    }

    /// <summary>The sentence for memory that cannot be attached.</summary>
    /// <param name="interval">What was to be attached.</param>
    /// <param name="status">What the host memory said.</param>
    /// <returns>Obstacle and remedy.</returns>
    private static string WhyNot(AddressRange interval, SvmStatus status) => status switch
    {
        SvmStatus.NotMapped => $"Some of {interval} is not mapped: attach what mmap or malloc gave, no more.",
        SvmStatus.InvalidHandle => $"Some of {interval} is shared already: it was attached before, or gpusvm_alloc gave it. Detach it first, or use it as it is.",
        SvmStatus.Busy => $"Some of {interval} is registered with another userfaultfd, which hears of its page faults: attach it with GPUSVM_ATTACH_IN_PLACE, or end that registration.",
        SvmStatus.NotMigratable => $"Some of {interval} has no ordinary pages (a device's registers, raw frames), or lies beyond the end of its file: copy what is to be shared into ordinary memory.",
        SvmStatus.NotSupported => "Memory that the process already has cannot be attached here: that needs real memory (`gpusvm doctor` says how to get it) on Linux 6.11 or later. Use gpusvm_alloc.",
        _ => $"{interval} could not be attached: {status.Describe()}. Nothing has changed.",
    };
}
