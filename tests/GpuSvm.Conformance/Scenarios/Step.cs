// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Device;
using GpuSvm.Core.Vm;

namespace GpuSvm.Conformance.Scenarios;

/// <summary>One step of a scenario, or one thing that is expected after the steps before it. A step prints itself, so that a failure can say where it happened.</summary>
/// <remarks>Stores put numbers that differ by page and seed; loads must find what the reference model has. Both touch 8 bytes every so many, beginning at an offset.</remarks>
public abstract record Step
{
    /// <summary>The program gets shared memory that reads as zeroes.</summary>
    public sealed record Map(Part Memory, int Pages) : Step;

    /// <summary>The program gives memory back that it got whole.</summary>
    public sealed record Free(Part Memory) : Step;

    /// <summary>The program unmaps pages behind the library's back.</summary>
    public sealed record Unmap(Part Where) : Step;

    /// <summary>The program maps fresh memory over pages.</summary>
    public sealed record MapAnew(Part Where) : Step;

    /// <summary>The program moves a whole memory to another address, under which the scenario goes on to know it.</summary>
    public sealed record Move(Part Memory) : Step;

    /// <summary>The program changes its right to write pages, and that is announced.</summary>
    public sealed record Protect(Part Where, bool Writable) : Step;

    /// <summary>The program gives contents up; the pages read as zeroes.</summary>
    public sealed record DontNeed(Part Where) : Step;

    /// <summary>A forked child tries to load the first byte, and does not get it: shared memory is not inherited.</summary>
    public sealed record ChildGetsNothing(Part Where) : Step;

    /// <summary>A program thread stores.</summary>
    public sealed record CpuWrite(Part Where, int Seed = 1, int Every = 4096, int Offset = 0) : Step;

    /// <summary>A program thread loads, and compares.</summary>
    public sealed record CpuRead(Part Where, int Every = 4096, int Offset = 0) : Step;

    /// <summary>A device stores.</summary>
    public sealed record GpuWrite(Part Where, int Seed = 2, int Every = 4096, int Offset = 0, int Gpu = 0) : Step;

    /// <summary>A device loads, and compares.</summary>
    public sealed record GpuRead(Part Where, int Every = 4096, int Offset = 0, int Gpu = 0) : Step;

    /// <summary>A device adds by an atomic access, so that the fault asks for the right to do that.</summary>
    public sealed record GpuAdd(Part Where, long Amount = 1, int Every = 4096, int Offset = 0, int Gpu = 0) : Step;

    /// <summary>A device copies a memory's pages to another's, word by word.</summary>
    public sealed record GpuCopy(Part From, Part To, int Gpu = 0) : Step;

    /// <summary>A device's access to each page is refused with a status.</summary>
    public sealed record GpuRefused(Part Where, SvmStatus Status, MemoryAccess Access = MemoryAccess.Write, int Gpu = 0) : Step;

    /// <summary>Pages are brought to a device; of these some were there.</summary>
    public sealed record Prefetch(Part Where, int MovedPages, int TherePages = 0, int Gpu = 0) : Step;

    /// <summary>Pages are brought home; of these some were there.</summary>
    public sealed record PrefetchHome(Part Where, int MovedPages, int TherePages = 0) : Step;

    /// <summary>A prefetch fails with a status.</summary>
    public sealed record PrefetchRefused(Part Where, SvmStatus Status) : Step;

    /// <summary>Everything on a device has to leave.</summary>
    public sealed record Evict(int Gpu = 0) : Step;

    /// <summary>The program says something of pages.</summary>
    public sealed record Advise(Part Where, MemoryAdvice Advice, int Gpu = 0) : Step;

    /// <summary>What is advised of every one of the pages.</summary>
    public sealed record Advised(Part Where, MemoryAdvice Advice, int Gpu = 0) : Step;

    /// <summary>Where every one of the pages is, as the address space of a device sees it.</summary>
    public sealed record Placed(Part Where, PagePlace Place, int Gpu = 0) : Step;

    /// <summary>How many faults the device's address space has had since the last such step, or since the beginning.</summary>
    public sealed record Faults(int Count, int Gpu = 0) : Step;

    /// <summary>Something had to leave the device.</summary>
    public sealed record Evicted(int Gpu = 0) : Step;

    /// <summary>The program's memory is shown at a device address of its own.</summary>
    public sealed record Bind(Part Where, bool ReadOnly = false) : Step;

    /// <summary>The device stops seeing what was bound.</summary>
    public sealed record Unbind(Part Where) : Step;

    /// <summary>What validating a user pointer answers.</summary>
    public sealed record Validate(Part Where, SvmStatus Status) : Step;

    /// <summary>A device stores through a user pointer.</summary>
    public sealed record UserptrWrite(Part Where, int Seed = 3) : Step;

    /// <summary>A device loads through a user pointer, and compares.</summary>
    public sealed record UserptrRead(Part Where) : Step;

    /// <summary>Several threads take steps at the same time; no two of them write the same bytes, and where a device is one of them nothing may move its pages: its steps look a pointer up and use it.</summary>
    public sealed record Together(params Step[][] Threads) : Step;
}
