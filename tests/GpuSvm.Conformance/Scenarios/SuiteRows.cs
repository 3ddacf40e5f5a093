// SPDX-License-Identifier: MIT
using System.Text;

namespace GpuSvm.Conformance.Scenarios;

/// <summary>What IGT GPU Tools (October 2025 with additions of April 2026) and kfdtest (August 2025) do to shared memory, and the page that says which scenario plays it.</summary>
public static class SuiteRows
{
    private const int Examples = 3;
    private const string NoFiles = "no: neither memory shares mappings of files or between processes with a device";

    /// <summary>The rows.</summary>
    public static IReadOnlyList<SuiteRow> All { get; } =
    [
        new("igt allocator shapes", "once, twice, many; large, 64 KiB, strides; queues and threads", "smaller; queues are threads that fault for one device"),
        new("igt allocator NewEachTime", "NEW: fresh memory for each launch"),
        new("igt allocator FreedEachTime", "FREE: memory freed after each launch"),
        new("igt allocator TouchedFirstByTheDevice", "SKIP_MEMSET: the device touches first"),
        new("igt allocator Prefetched", "PREFETCH before each launch"),
        new("igt allocator AdvisedToAndFro", "MADVISE_SWIZZLE: the preferred place alternates"),
        new("igt allocator Atomically", "atomic increment instead of a store"),
        new("igt allocator AfterOthersLeft", "the device is emptied before the launch", "ours; not in the matrix"),
        new("igt allocator Moved", "MREMAP after each launch", "pages follow"),
        new("igt allocator MappedAnew", "new memory at the same address", "on real memory it is attached anew"),
        new("igt allocator GivenUp", "contents given up after each launch", "ours; not in the matrix"),
        new("igt allocator Evicted", "eviction after each launch", "ours; not in the matrix"),
        new("igt allocator TriedByAChild", "a child while the device uses memory", "real memory only"),
        new("igt allocator FORK_READ", "the child reads the value", "of a child that is made behind our back, whose access must fail (R-9); with the C library's fork it reads the value: `forks.c`"),
        new("igt allocator READ_ONLY_REMAP", "read-only before, writable after", "without the move; simulated memory only"),
        new("igt allocator RACE", "the CPU polls while the device writes", "CPU accesses against evictions; R-n of races.md has the forced interleavings"),
        new("igt allocator MULTI_FAULT", "one launch stores to several distant places", "no: a step faults page by page; EndToEndSuite runs kernels that gather and scatter"),
        new("igt allocator FAULT", "a launch with a bad address fails", "the fault's answer; LaunchTests has the launch's status and address"),
        new("igt allocator EVERY_OTHER_CHECK", "a store to the address a buffer will move to", "no: the new address is not known before the move"),
        new("igt allocator DONTUNMAP", "MREMAP_DONTUNMAP", "no: neither memory has such a move"),
        new("igt allocator MMAP_SHARED", "shared anonymous memory", NoFiles),
        new("igt allocator FILE_BACKED", "private and shared files", NoFiles),
        new("igt allocator HUGE_PAGE", "MAP_HUGETLB", "no: the heap's huge pages are transparent ones; the large shapes have those"),
        new("igt allocator LOCK", "mlock, munlock", "no: a locked page moves like any other, the memories know no lock"),
        new("igt allocator BO_UNMAP", "a buffer object bound over the mirror", "no: there are no buffer objects"),
        new("igt allocator BUSY", "unbinding the mirror while it has ranges is refused", "no: the mirror lives as long as its GpuVm"),
        new("igt processes", "the shapes in several processes", "no: one process; TwoSpacesFillTheirDevicesOneAndAHalfTimes has two spaces of one"),
        new("igt partial", "munmap or remap, half or middle, CPU fault, atomic"),
        new("igt evict", "9/8 of the device's memory"),
        new("igt processes-evict", "the same by several processes", "two address spaces of devices in one process"),
        new("igt fault benchmarks", "CPU faults by one or eight threads", "correctness only; bench has the times"),
        new("igt prefetch benchmarks", "times of prefetches", "no: see bench"),
        new("igt madvise", "preferred places: asked for, taken, read back"),
        new("igt madvise atomics", "atomics that are not wanted on a device", "the device's fault is served whatever is advised"),
        new("igt pat-index", "attributes on overlapping parts are read back", "places instead of cache attributes"),
        new("igt fault-mode USERPTR", "a user pointer, once to many times"),
        new("igt fault-mode REBIND", "unbound and bound again"),
        new("igt fault-mode INVALIDATE", "new memory under the user pointer", "new mappings on simulated memory, given-up contents on both"),
        new("igt fault-mode RACE", "the same while the device runs", "R-n of races.md has the forced interleavings"),
        new("igt fault-mode invalid-va", "an address where nothing is"),
        new("igt fault-mode scratch page", "reads of nothing give zero", "no: such a fault is always refused"),
        new("igt fault-mode BIND_EXEC_QUEUE", "binds in a queue", "no: binds are calls"),
        new("igt userptr-invalid", "a user pointer to nothing"),
        new("igt vm munmap-style-unbind", "33 ways to unbind a part", "the user pointer's memory goes in part; a window is unbound whole"),
        new("igt vm mmap-style-bind", "16 ways to bind over", "no: windows that overlap are refused (UserptrTests)"),
        new("igt vm userptr-binds", "large and odd sizes"),
        new("igt multigpu xgpu-access", "one device copies what another holds"),
        new("igt multigpu atomic-op", "atomics from both devices"),
        new("igt multigpu coherency", "each sees the other's stores"),
        new("igt multigpu pagefault", "no fault after a prefetch"),
        new("igt multigpu concurrent-access", "both at once", "adds one after the other; stores at the same time where pages stay in RAM; SeveralDevicesTests has adds at the same time"),
        new("igt multigpu migration", "system to one device to the other and back"),
        new("igt usrptr-madvise", "SVM, then a user pointer over it"),
        new("igt prefetch-fault", "a prefetch leaves nothing to fault"),
        new("igt page-reclaim", "lists of pages and TLBs", "no: hardware's own"),
        new("igt fault-injection", "failures by name", "no: InjectionTests has every point"),
        new("igt eu-fault", "faults of compute units", "no: LaunchTests has launches that fail"),
        new("kfd BasicSystemMem", "a copy in RAM"),
        new("kfd BasicVram", "a copy through device memory"),
        new("kfd SetGetAttributes", "defaults; set and read back"),
        new("kfd XNACKMode", "the mode while a queue exists", "no: the mode is a VM's from its making on (`GpuVmOptions.WithoutFaults`)"),
        new("kfd InvalidRange", "unmapped memory is refused"),
        new("kfd SplitSystemRange", "overlapping registrations in RAM", "overlapping advice: nothing is registered"),
        new("kfd SplitVramRange", "the same on the device", "overlapping advice: nothing is registered"),
        new("kfd EvictSystemRange", "copy-on-write by a fork while mapped", "as above; `forks.c` has the copies, R-9 the protection"),
        new("kfd PartialUnmapSysMem", "pages 2 to 5 of 16 go"),
        new("kfd Prefetch", "where memory was sent, by halves", "place and result of the prefetch instead of an attribute"),
        new("kfd Migrate", "there and back, again and again"),
        new("kfd MigrateAccessInPlace", "mapped where it is"),
        new("kfd MigrateGranularity", "one fault moves a block of 2^g pages", "orders 0, 4 and 9: other orders are rounded down to a chunk"),
        new("kfd MigrateLargeBuf", "1 GB each way", "8 MiB"),
        new("kfd MigratePolicy", "device, CPU reads and writes, device"),
        new("kfd MultiGPUMigration", "prefetched to all devices in turn"),
        new("kfd MultiGPUAccessInPlace", "every device where the pages are"),
        new("kfd MultiThreadMigration", "faults against prefetches against CPU reads", "CPU accesses against evictions, two rounds"),
        new("kfd MigrateFileBackedRange", "a page of a shared file", NoFiles),
        new("kfd ReadOnlyRange", "a read works, a write faults at its address", "simulated memory only: real memory hears of no change of protection"),
        new("kfd HMMProfilingEvent", "events of migrations", "no: there is no event stream yet; counters are compared elsewhere"),
        new("kfd VramOvercommit", "more than the device holds, in pieces"),
        new("kfd VramOvercommit Giant", "the same in one memory"),
        new("kfd PrefaultPartialRange", "a prefetch over pages that are not there"),
        new("kfd KFDSVMEvict", "two processes fill 1.5 devices", "two address spaces of devices in one process"),
        new("kfd MemoryRegister", "a user pointer and the program in turn"),
        new("kfd MemoryRegisterSamePtr", "the same memory twice"),
        new("kfd MultiThreadRegisterUserptr", "user pointers from several threads", "no: UserptrTests has threads against faults"),
    ];

    /// <summary>The page docs/scenarios.md: a row for each row, with the scenarios that play it.</summary>
    /// <returns>The page's text.</returns>
    public static string Page()
    {
        var page = new StringBuilder();
        page.Append("# Scenarios\n\n");
        page.Append("What IGT GPU Tools and kfdtest do to shared memory, and which scenarios of `tests/GpuSvm.Conformance/Scenarios` play it on simulated memory and, where it can be played\n");
        page.Append("there, on real memory. Invariants are checked after each step, every byte at the end. \"no\" says why there is none. A test compares this page with the table; to write it anew,\n");
        page.Append("set `GPUSVM_WRITE_SCENARIOS` to its path and run `ScenarioTableTests`.\n\n");
        page.Append($"{ScenarioTable.All.Count} scenarios.\n\n| row | what | scenarios | remark |\n|---|---|---|---|\n");
        foreach (SuiteRow row in All)
        {
            string[] names = [.. ScenariosOf(row).Select(scenario => $"`{scenario.Name}`")];
            string shown = string.Join(", ", names.Take(Examples)) + (names.Length > Examples ? $" and {names.Length - Examples} more" : "");
            page.Append($"| {row.Name} | {row.What} | {shown} | {row.Remark} |\n");
        }

        return page.ToString();
    }

    /// <summary>The scenarios that play a row.</summary>
    /// <param name="row">The row.</param>
    /// <returns>The scenarios.</returns>
    public static IEnumerable<Scenario> ScenariosOf(SuiteRow row) => ScenarioTable.All.Where(scenario => scenario.Covers.Split("; ").Contains(row.Name));
}
