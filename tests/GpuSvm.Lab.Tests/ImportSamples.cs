// SPDX-License-Identifier: MIT
using GpuSvm.Lab.Importing;
using Microsoft.Data.Sqlite;

namespace GpuSvm.Lab.Tests;

/// <summary>A small file of each format, shaped as the tools write them.</summary>
internal static class ImportSamples
{
    private const string Kfd = """
        7 1000000000 -4242 @7f1234501(5b1e) W
        5 1000001000 -4242 @7f1234400(200) 0->5b1e 0:0 1
        6 1000501000 -4242 @7f1234400(200) 0->5b1e 1
        8 1000510000 -4242 @7f1234501(5b1e) M
        2 1:94
        9 1000600000 -4242 5b1e 0
        b 1000600500 -4242 @7f1234400(200) 5b1e 1
        5 1000601000 -4242 @7f1234400(200) 5b1e->0 0:0 3
        6 1000901000 -4242 @7f1234400(200) 5b1e->0 3 0
        a 1000950000 -4242 5b1e M

        """;

    private const string NvprofText = """
        ==1234== NVPROF is profiling process 1234, command: ./vectorAdd
        ==1234== Profiling result:
           Start  Duration            Grid Size      Block Size     Regs*    SSMem*    DSMem*           Device   Context    Stream        Unified Memory  Virtual Address  Name
        489.24ms         -                    -               -         -         -         -                -         -         -         PC 0x46de3225   0x7612d2020000  [Unified Memory CPU page faults]
        520.22ms  519.71us             (64 1 1)      (1024 1 1)        16        0B        0B     Tesla T4 (0)         1         7                     -                -  vectorAdd(int const *, int const *, int*, int) [128]
        520.23ms  430.56us                    -               -         -         -         -     Tesla T4 (0)         -         -                     2   0x7b552e000000  [Unified Memory GPU page faults]
        520.58ms  10.048us                    -               -         -         -         -     Tesla T4 (0)         -         -           64.000000KB   0x7b552e000000  [Unified Memory Memcpy HtoD]
        521.60ms  8.0320us                    -               -         -         -         -     Tesla T4 (0)         -         -           16.000000KB   0x7b552e010000  [Unified Memory Memcpy DtoH]

        Regs: Number of registers used per CUDA thread. This number includes registers used internally.

        """;

    private const string NvprofCsv = """
        ==77== Profiling result:
        "Start","Duration","Device","Context","Stream","Unified Memory","Virtual Address","Name"
        ms,us,,,,KB,,
        520.580000,10.048000,"Tesla T4 (0)",,,64.000000,"0x7b552e000000","[Unified Memory Memcpy HtoD]"
        520.600000,3.000000,"Tesla T4 (0)",1,7,,,"vectorAdd(int const *, int)"

        """;

    private const string Xe = """
        [  100.000001] xe 0000:03:00.0: [drm] GuC firmware is loaded
        [  101.000100] xe 0000:03:00.0: [drm:xe_svm [xe]] PAGE FAULT: asid=3, gpusvm=00000000d41d8cd9, vram=1,0, seqno=4294967295, start=0x007f1234560000, end=0x007f1234570000, size=65536
        [  101.000200] xe 0000:03:00.0: [drm:xe_svm [xe]] ALLOCATE VRAM: asid=3, gpusvm=00000000d41d8cd9, vram=1,0, seqno=4294967295, start=0x007f1234560000, end=0x007f1234570000, size=65536
        [  101.000250] xe 0000:03:00.0: [drm:xe_svm [xe]] INVALIDATE: asid=3, gpusvm=00000000d41d8cd9, seqno=3, start=0x00007f1234560000, end=0x00007f1234570000, event=6
        [  101.000300] xe 0000:03:00.0: [drm:xe_svm [xe]] COPY TO VRAM - 0x0000000123456000 -> 0x0000004000000000, NPAGES=16
        [  101.000500] xe 0000:03:00.0: [drm:xe_svm [xe]] PAGE FAULT - BIND: asid=3, gpusvm=00000000d41d8cd9, vram=1,1, seqno=5, start=0x007f1234560000, end=0x007f1234570000, size=65536
        [  102.000500] xe 0000:03:00.0: [drm:xe_svm [xe]] INVALIDATE: asid=3, gpusvm=00000000d41d8cd9, seqno=7, start=0x00007f1234560000, end=0x00007f1234570000, event=6
        [  102.000510] xe 0000:03:00.0: [drm:xe_svm [xe]] NOTIFIER: asid=3, gpusvm=00000000d41d8cd9, vram=1,1, seqno=5, start=0x007f1234560000, end=0x007f1234570000, size=65536
        [  102.000600] xe 0000:03:00.0: [drm:xe_svm [xe]] COPY TO SRAM - 0x0000004000000000 -> 0x0000000123456000, NPAGES=16
        [  103.000000] xe 0000:03:00.0: [drm:xe_svm [xe]] INVALIDATE: asid=3, gpusvm=00000000d41d8cd9, seqno=9, start=0x00007f1234560000, end=0x00007f1234570000, event=0

        """;

    private const string Smart = """
        PageNum MemAddr Size Cycle RD SMId WarpId
        786432 3221225472 128 1000 1 0 3
        786433 3221229568 128 1010 0 14 7

        """;

    private const string Eval = """
        [ 1234.000001] 7f0000000000,7f0000200000
        [ 1234.000002] s,
        [ 1234.000003] f,7f0000001000,5000,0,2,8,1,0,0,3,31,2,1,0,0
        [ 1234.000004] f,7f0000003000,5100,0,1,8,1,0,0,3,31,2,1,0,0
        [ 1234.000005] b,5200,0

        """;

    private const string Faults = """
        # tracer: nop
            bench-4711  [003] d..1.   100.000001: page_fault_user: address=0x7f8f0f4e9010 ip=0x55d3f2a3c010 error_code=0x6
            bench 4712 [001]   100.000009: exceptions:page_fault_user: address=0x7f8f0f4ea000f ip=0x55d3f2a3c010f error_code=0x4
            bench-4711  [003] d..1.   100.000011: sched_switch: prev_comm=bench
            bench  4713   100.000012: exceptions:page_fault_user: address=0x7f8f0f4eb000 ip=0x55d3f2a3c010 error_code=0x4
            bench-4711  [003]   100.000013: page_fault_user:      address=0x7f8f0f4ec000 ip=0x55d3f2a3c010 error_code=0x6

        """;

    private const string Cupti = """
        Unified memory profiling is on
        UNIFIED_MEMORY_COUNTER [ 4179074172 4179078748 ] kind=BYTES_TRANSFER_HTOD value=65536 src 4294967295 dst 0
        UNIFIED_MEMORY_COUNTER [ 4179079000 0 ] address=0x7f1cc01f9123 kind=CPU_PAGE_FAULT_COUNT value=94105321 flags=2 source=4294967295 destination=0 name=mesh stack=
        CONC KERNEL "scale(float*, int)" [ 4179080000 - 4179090000 ] device 0, context 1, stream 7, correlation 12
        UNIFIED_MEMORY_COUNTER [ 4179081000, 4179082500 ] duration 1500, counterKind GPU_PAGE_FAULT, value 12, address 7f1cc0200000, flags 3, srcId 0, dstId 0, processId 77
        UNIFIED_MEMORY_COUNTER [ 4179091000, 4179095000 ] duration 4000, counterKind BYTES_TRANSFER_DTOH, value 24576, address 0x7f1cc01f9000, flags 4, srcId 0, dstId 4294967295, processId 77
        CONCURRENT_KERNEL [ 4179096000, 4179099000 ] duration 3000, "copy=all", correlationId 13

        """;

    private const string Rocm = """
        {
          "devices": [
            {
              "device_id": 4,
              "device_name": "gfx950",
              "migrations": {
                "host_to_device": { "count": 4, "avg_size_bytes": 53248, "min_size_bytes": 4096, "max_size_bytes": 131072, "total_size_bytes": 212992, "total_time_ns": 400001, "migration_throughput_gbps": 0.532 },
                "device_to_host": { "count": 1, "avg_size_bytes": 4096, "min_size_bytes": 4096, "max_size_bytes": 4096, "total_size_bytes": 4096, "total_time_ns": 2500 }
              }
            }
          ],
          "summary": { "total_page_faults": 9, "xnack_enabled": true, "migration_triggers": { "gpu_page_fault": 4, "cpu_page_fault": 1, "prefetch": 0, "ttm_eviction": 0, "unknown": 0 } }
        }

        """;

    private const string XeStatistics = """
        svm_pagefault_count: 10
        tlb_inval_count: 70
        svm_64K_pagefault_count: 7
        svm_64K_pagefault_us: 900
        svm_64K_migrate_count: 5
        svm_64K_device_copy_us: 500
        svm_64K_device_copy_kb: 320
        svm_2M_cpu_copy_us: 0
        svm_2M_cpu_copy_kb: 0
        svm_pagefault_count: 14
        svm_64K_pagefault_count: 10
        svm_64K_pagefault_us: 1200
        svm_64K_migrate_count: 7
        svm_64K_device_copy_us: 700
        svm_64K_device_copy_kb: 448
        svm_2M_cpu_copy_us: 800
        svm_2M_cpu_copy_kb: 3072

        """;

    private const string Addresses = """
        # what a simulator wrote
        0x7f0000001000 w 8
        7f0000002000,r,64
         L 04222cac,4
         M 0421d000,4
        I  04000000,3

        """;

    /// <summary>The texts, by format.</summary>
    public static IReadOnlyList<(ImportFormat Format, string Text)> Texts { get; } =
    [
        (ImportFormat.KfdSmi, Kfd), (ImportFormat.Nvprof, NvprofText), (ImportFormat.Nvprof, NvprofCsv), (ImportFormat.XeLog, Xe),
        (ImportFormat.UvmSmart, Smart), (ImportFormat.UvmEval, Eval), (ImportFormat.PageFaultLog, Faults), (ImportFormat.AddressList, Addresses),
        (ImportFormat.Cupti, Cupti), (ImportFormat.RocmSummary, Rocm), (ImportFormat.XeStats, XeStatistics),
    ];

    /// <summary>Writes an export of Nsight Systems with a row in each table.</summary>
    /// <param name="path">The file.</param>
    /// <param name="statements">What to do to it besides.</param>
    public static void WriteNsight(string path, string statements = "")
    {
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false }.ToString());
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = """
            CREATE TABLE StringIds (id INTEGER PRIMARY KEY, value TEXT);
            CREATE TABLE CUDA_UM_CPU_PAGE_FAULT_EVENTS (start INTEGER NOT NULL, globalPid INTEGER NOT NULL, address INTEGER NOT NULL, originalFaultPc INTEGER, CpuInstruction INTEGER NOT NULL, module INTEGER NOT NULL, unresolvedFaultPc INTEGER);
            CREATE TABLE CUDA_UM_GPU_PAGE_FAULT_EVENTS (start INTEGER NOT NULL, end INTEGER NOT NULL, globalPid INTEGER NOT NULL, deviceId INTEGER NOT NULL, address INTEGER NOT NULL, numberOfPageFaults INTEGER NOT NULL, faultAccessType INTEGER NOT NULL);
            CREATE TABLE CUPTI_ACTIVITY_KIND_MEMCPY (start INTEGER NOT NULL, end INTEGER NOT NULL, deviceId INTEGER NOT NULL, contextId INTEGER NOT NULL, streamId INTEGER NOT NULL, correlationId INTEGER, globalPid INTEGER, bytes INTEGER NOT NULL, copyKind INTEGER NOT NULL, migrationCause INTEGER, virtualAddress INTEGER);
            CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (start INTEGER NOT NULL, end INTEGER NOT NULL, deviceId INTEGER NOT NULL, shortName INTEGER NOT NULL);
            CREATE TABLE CUDA_GPU_MEMORY_USAGE_EVENTS (start INTEGER NOT NULL, globalPid INTEGER, deviceId INTEGER NOT NULL, address INTEGER NOT NULL, bytes INTEGER NOT NULL, memKind INTEGER, memoryOperationType INTEGER NOT NULL);
            INSERT INTO StringIds VALUES (1, 'vectorAdd');
            INSERT INTO CUDA_GPU_MEMORY_USAGE_EVENTS VALUES (1000, 1, 0, 140000000000000, 1048576, 3, 0);
            INSERT INTO CUDA_UM_CPU_PAGE_FAULT_EVENTS VALUES (2000, 1, 140000000004100, NULL, 0, 0, NULL);
            INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES (3000, 9000, 0, 1);
            INSERT INTO CUDA_UM_GPU_PAGE_FAULT_EVENTS VALUES (4000, 5000, 1, 0, 140000000000000, 12, 2);
            INSERT INTO CUPTI_ACTIVITY_KIND_MEMCPY VALUES (5000, 6000, 0, 1, 7, 5, 1, 65536, 11, 2, 140000000000000);
            INSERT INTO CUPTI_ACTIVITY_KIND_MEMCPY VALUES (5500, 6500, 0, 1, 7, 6, 1, 4096, 1, NULL, NULL);
            INSERT INTO CUPTI_ACTIVITY_KIND_MEMCPY VALUES (9500, 9900, 0, 1, 7, 8, 1, 65536, 12, 4, 140000000000000);
            """ + statements;
        command.ExecuteNonQuery();
    }
}
