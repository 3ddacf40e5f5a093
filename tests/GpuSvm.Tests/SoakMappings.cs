// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm.Tests;

/// <summary>
/// A program that changes its mappings while two devices use them: memory of its own, attached, of which it unmaps, maps anew, moves, protects, discards and pages out pieces. Beside it stands what each page must hold,
/// whoever looks.
/// </summary>
/// <remarks>One thread's. It leaves no hole that it means to fill again: another thread of the process could be faster.</remarks>
internal sealed unsafe partial class SoakMappings : IDisposable
{
    private const int Pages = 96; // More than the devices hold together.
    private const int PageBytes = 4096;
    private const int MostPages = 12; // Of one step.
    private const int ReadWrite = 3;          // PROT_READ | PROT_WRITE.
    private const int ReadOnly = 1;           // PROT_READ.
    private const int PrivateAnonymous = 0x22; // MAP_PRIVATE | MAP_ANONYMOUS.
    private const int Fixed = 0x10;           // MAP_FIXED.
    private const int MoveTo = 7;             // MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP.

    private readonly SharedMemory _memory;
    private readonly KernelQueue[] _queues;
    private readonly List<AttachedMemory> _attached = [];
    private readonly byte[] _values = new byte[Pages]; // What each byte of a page is.
    private readonly nint _start;
    private readonly nint _spare;

    /// <summary>Maps and attaches the memory.</summary>
    public SoakMappings()
    {
        _memory = SharedMemory.Create(new SharedMemoryOptions { Memory = MemoryKind.Real, DeviceCount = 2, DeviceMemoryBytes = 32 * PageBytes, ComputeUnits = 1, LargestChunkBytes = 65536 });
        _queues = [_memory.CreateQueue(0), _memory.CreateQueue(1)];
        _start = Must(mmap(0, Pages * PageBytes, ReadWrite, PrivateAnonymous, -1, 0));
        _spare = Must(mmap(0, PageBytes, 0, PrivateAnonymous, -1, 0));
        _attached.Add(_memory.Attach(_start, Pages * PageBytes));
    }

    /// <summary>Does one thing to some pages, and looks at them.</summary>
    public void Step(Random random)
    {
        int first = random.Next(Pages);
        int count = random.Next(1, Math.Min(MostPages, Pages - first) + 1);
        int device = random.Next(2);
        byte value = (byte)random.Next(256);
        switch (random.Next(13))
        {
            case 0:
                new Span<byte>((void*)At(first), count * PageBytes).Fill(value); // SAFETY: the mapping is this thread's.
                Set(first, count, value);
                break;
            case 1:
                _memory.DeviceWrite<byte>(At(first), Enumerable.Repeat(value, count * PageBytes).ToArray(), device);
                Set(first, count, value);
                break;
            case 2:
                Write(_queues[device], first, count, value);
                Set(first, count, value);
                break;
            case 3:
                CheckByDevice(first, count, device);
                break;
            case 4:
                _memory.Prefetch(At(first), count * PageBytes, random.Next(3) == 0 ? MemoryLocation.System : MemoryLocations.OfDevice(device));
                break;
            case 5:
                Advise(first, count, 4); // MADV_DONTNEED.
                Set(first, count, 0);
                break;
            case 6:
                Must(mmap(At(first), (nuint)(count * PageBytes), ReadWrite, PrivateAnonymous | Fixed, -1, 0));
                _attached.Add(_memory.Attach(At(first), count * PageBytes));
                Set(first, count, 0);
                break;
            case 7:
                Must(mremap(At(first), PageBytes, PageBytes, MoveTo, _spare));
                Must(mremap(_spare, PageBytes, PageBytes, MoveTo, At(first)));
                break;
            case 8:
                Protect(first, count, device);
                break;
            case 9:
                Advise(first, count, random.Next(2) == 0 ? 21 : 20); // MADV_PAGEOUT, MADV_COLD.
                break;
            case 10:
                _memory.Evict(device);
                break;
            case 11:
                UnmapAnother(device, count);
                break;
            default:
                DetachAll();
                _attached.Add(_memory.Attach(_start, Pages * PageBytes));
                break;
        }

        CheckByCpu(first, count);
    }

    /// <summary>Looks at every byte, by the CPU, by each device, and when nothing is shared any more.</summary>
    public void Verify()
    {
        for (int device = 0; device < 2; device++)
            CheckByDevice(0, Pages, device);
        CheckByCpu(0, Pages);
        _memory.CheckInvariants();
        DetachAll();
        CheckByCpu(0, Pages);
    }

    public void Dispose()
    {
        _memory.Dispose();
        Must(munmap(_start, Pages * PageBytes));
    }

    private nint At(int page) => _start + ((nint)page * PageBytes);

    private void Set(int first, int count, byte value) => _values.AsSpan(first, count).Fill(value);

    private void Advise(int first, int count, int advice) => Must(madvise(At(first), (nuint)(count * PageBytes), advice));

    private void Write(KernelQueue queue, int first, int count, byte value)
    {
        nint address = At(first);
        using Launch launch = queue.Launch(context =>
        {
            Span<byte> page = stackalloc byte[PageBytes];
            page.Fill(value);
            context.Write<byte>(address + (context.GroupIndex * PageBytes), page);
        }, count);
        launch.Wait();
    }

    /// <summary>While pages are read-only both devices are refused, at the first of them, and everybody reads on.</summary>
    private void Protect(int first, int count, int device)
    {
        Must(mprotect(At(first), (nuint)(count * PageBytes), ReadOnly));
        KernelAccessException refused = Assert.Throws<KernelAccessException>(() => _memory.DeviceWrite<byte>(At(first), [1], device));
        Assert.Equal((StatusCode.ReadOnly, At(first)), (refused.Status, refused.Address));
        CheckByDevice(first, count, 1 - device);
        Must(mprotect(At(first), (nuint)(count * PageBytes), ReadWrite));
    }

    /// <summary>Memory that is unmapped while a device holds it; nobody sees it again.</summary>
    private void UnmapAnother(int device, int count)
    {
        nint start = Must(mmap(0, (nuint)(count * PageBytes), ReadWrite, PrivateAnonymous, -1, 0));
        using AttachedMemory attached = _memory.Attach(start, count * PageBytes);
        _memory.DeviceWrite<byte>(start, new byte[count * PageBytes], device);
        Must(munmap(start, (nuint)(count * PageBytes)));
    }

    private void DetachAll()
    {
        foreach (AttachedMemory attached in _attached)
            attached.Dispose();
        _attached.Clear();
    }

    private void CheckByCpu(int first, int count)
    {
        for (int page = first; page < first + count; page++)
            Check(new ReadOnlySpan<byte>((void*)At(page), PageBytes), page, "the CPU"); // SAFETY: the mapping is this thread's.
    }

    private void CheckByDevice(int first, int count, int device)
    {
        byte[] bytes = new byte[count * PageBytes];
        _memory.DeviceRead(At(first), bytes.AsSpan(), device);
        for (int page = first; page < first + count; page++)
            Check(bytes.AsSpan((page - first) * PageBytes, PageBytes), page, $"device {device}");
    }

    private void Check(ReadOnlySpan<byte> bytes, int page, string who)
    {
        int wrong = bytes.IndexOfAnyExcept(_values[page]);
        if (wrong >= 0)
            throw new InvalidOperationException($"{who} reads {bytes[wrong]} instead of {_values[page]} at byte {wrong} of page {page}; {string.Join(' ', _memory.Query(At(page), PageBytes))}");
    }

    private static nint Must(nint result) => result != -1 ? result : throw new InvalidOperationException(Marshal.GetLastPInvokeErrorMessage());

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint mmap(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int munmap(nint address, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int mprotect(nint address, nuint length, int protection);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int madvise(nint address, nuint length, int advice);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint mremap(nint address, nuint oldLength, nuint newLength, int flags, nint newAddress);
}
