// SPDX-License-Identifier: MIT
using System.Globalization;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Host;
using GpuSvm.Traces;
using Microsoft.Data.Sqlite;

namespace GpuSvm.Lab.Importing;

/// <summary>
/// Reads a SQLite export of Nsight Systems: migrations of unified memory, page faults of both sides, kernels, allocations, in the order of time. Every table may be missing, since
/// exports have only those that something was recorded for. Kinds of copies, causes and accesses are NVIDIA's numbers, which have never changed their meaning.
/// </summary>
internal sealed class NsightImporter
{
    private const int MostKernels = 1 << 20; // Running at once; more is no kernel trace.

    /// <summary>The columns of a row: time, kind of row, and seven numbers or a text whose meaning the kind says.</summary>
    private static readonly (string Table, string Select)[] _parts =
    [
        ("CUPTI_ACTIVITY_KIND_MEMCPY", "SELECT end AS at, 0 AS kind, end - start AS duration, deviceId AS device, bytes, copyKind, migrationCause, virtualAddress, NULL AS name FROM CUPTI_ACTIVITY_KIND_MEMCPY WHERE copyKind IN (11, 12, 13)"),
        ("CUDA_UM_GPU_PAGE_FAULT_EVENTS", "SELECT end, 1, end - start, deviceId, numberOfPageFaults, faultAccessType, 0, address, NULL FROM CUDA_UM_GPU_PAGE_FAULT_EVENTS"),
        ("CUDA_UM_CPU_PAGE_FAULT_EVENTS", "SELECT start, 2, 0, 0, 0, 0, 0, address, NULL FROM CUDA_UM_CPU_PAGE_FAULT_EVENTS"),
        ("CUPTI_ACTIVITY_KIND_KERNEL", "SELECT start, 3, 0, deviceId, rowid, 0, 0, 0, {kernel} FROM CUPTI_ACTIVITY_KIND_KERNEL"),
        ("CUPTI_ACTIVITY_KIND_KERNEL", "SELECT end, 4, 0, deviceId, rowid, 0, 0, 0, NULL FROM CUPTI_ACTIVITY_KIND_KERNEL"),
        ("CUDA_GPU_MEMORY_USAGE_EVENTS", "SELECT start, 5, 0, deviceId, bytes, memoryOperationType, 0, address, NULL FROM CUDA_GPU_MEMORY_USAGE_EVENTS"),
    ];

    private readonly Dictionary<long, long> _kernels = []; // From a row to the launch.
    private long _launches;

    /// <summary>Rows read.</summary>
    public long Rows { get; private set; }

    /// <summary>Reads the whole file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="output">Gets what it says.</param>
    /// <returns>What is wrong with it, and in which row; null if nothing is.</returns>
    public string? Read(string path, ImportOutput output)
    {
        try
        {
            using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadOnly, Pooling = false }.ToString());
            connection.Open();
            HashSet<string> tables = Tables(connection);
            string query = string.Join(" UNION ALL ", _parts.Where(part => tables.Contains(part.Table)).Select(part => part.Select));
            if (query.Length == 0)
                return "none of its tables is one of unified memory, kernels or allocations; export a report that was recorded with --cuda-um-gpu-page-faults=true or --trace=cuda";
            using SqliteCommand command = connection.CreateCommand();
            command.CommandText = query.Replace("{kernel}", tables.Contains("StringIds") ? "(SELECT value FROM StringIds WHERE id = shortName)" : "''", StringComparison.Ordinal) + " ORDER BY 1";
            using SqliteDataReader reader = command.ExecuteReader();
            while (reader.Read())
            {
                Rows++;
                Row(reader, output);
            }

            return null;
        }
        catch (SqliteException e)
        {
            return $"row {Rows + 1} of its tables in the order of time cannot be read ({e.Message.TrimEnd('.')}); export the report again with nsys export --type=sqlite";
        }
        catch (ImportLineException e)
        {
            return $"row {Rows} of its tables in the order of time: {e.Message}";
        }
    }

    /// <summary>The names of the tables.</summary>
    /// <param name="connection">The file.</param>
    /// <returns>The names.</returns>
    private static HashSet<string> Tables(SqliteConnection connection)
    {
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')";
        using SqliteDataReader reader = command.ExecuteReader();
        HashSet<string> names = new(StringComparer.Ordinal);
        while (reader.Read())
            names.Add(reader.IsDBNull(0) ? "" : reader.GetValue(0).ToString()!);
        return names;
    }

    /// <summary>A column as a number.</summary>
    /// <param name="reader">The row.</param>
    /// <param name="column">Which.</param>
    /// <param name="what">What it is, for the message.</param>
    /// <returns>The number; 0 for none.</returns>
    private static long Number(SqliteDataReader reader, int column, string what) =>
        reader.GetValue(column) switch { long value => value, DBNull => 0, object other => throw new ImportLineException(what, $"\"{Convert.ToString(other, CultureInfo.InvariantCulture)}\"") };

    /// <summary>One row.</summary>
    /// <param name="reader">The row.</param>
    /// <param name="output">Gets what it says.</param>
    private void Row(SqliteDataReader reader, ImportOutput output)
    {
        long time = output.TimeOf(Number(reader, 0, "a time in nanoseconds"));
        long kind = Number(reader, 1, "a kind of row");
        long duration = Number(reader, 2, "a duration in nanoseconds");
        short device = kind == 2 ? SvmPlace.Ram : output.DeviceOf((ulong)Number(reader, 3, "a device's number")); // 2: the CPU's.
        long count = Number(reader, 4, "a number of bytes or faults");
        long detail = Number(reader, 5, "a kind of copy or access");
        ulong address = (ulong)Number(reader, 7, "a virtual address");
        switch (kind)
        {
            case 0:
                AddressRange moved = ImportOutput.Interval(address, (ulong)count);
                var one = new SvmEvent(SvmEventKind.Migration, moved.Start, moved.Bytes)
                {
                    Timestamp = time,
                    Duration = duration,
                    From = detail == 11 ? SvmPlace.Ram : detail == 12 ? device : SvmPlace.None,
                    To = detail == 12 ? SvmPlace.Ram : device,
                    Cause = Cause(Number(reader, 6, "a cause of a migration"), toRam: detail == 12),
                };
                output.Event(one);
                if (one.Cause == MigrationCause.Eviction)
                    output.Event(one with { Kind = SvmEventKind.Eviction });
                break;
            case 1:
                Fault(SvmEventKind.GpuFault, address, time, duration, device, detail switch { 2 => MemoryAccess.Write, 3 => MemoryAccess.Atomic, _ => MemoryAccess.Read }, output);
                break;
            case 2:
                Fault(SvmEventKind.CpuFault, address, time, 0, SvmPlace.Ram, MemoryAccess.Read, output);
                break;
            case 3:
                if (_kernels.Count == MostKernels)
                    throw new ImportLineException("kernels that end", $"{MostKernels} that have begun");
                _kernels[count] = _launches;
                output.Kernel(new TraceKernel(_launches++, device, IsEnd: false, reader.IsDBNull(8) ? "" : reader.GetValue(8).ToString()!) { Time = time });
                break;
            case 4:
                if (_kernels.Remove(count, out long launch))
                    output.Kernel(new TraceKernel(launch, device, IsEnd: true) { Time = time });
                break;
            default:
                output.Mapping(new TraceMapping(ImportOutput.Interval(address, (ulong)count).AlignOutward(), IsUnmap: detail == 1) { Time = time });
                break;
        }
    }

    /// <summary>A fault, or a group of them at one address.</summary>
    /// <param name="kind">Whose.</param>
    /// <param name="address">Where.</param>
    /// <param name="time">When.</param>
    /// <param name="duration">How long.</param>
    /// <param name="place">Who touched.</param>
    /// <param name="access">What was tried.</param>
    /// <param name="output">Gets it.</param>
    private static void Fault(SvmEventKind kind, ulong address, long time, long duration, short place, MemoryAccess access, ImportOutput output)
    {
        VirtualAddress page = ImportOutput.Interval(address, PageSize.Bytes).Start.AlignDown(PageOrder.Small);
        output.Event(new SvmEvent(kind, page, PageSize.Bytes) { Timestamp = time, Duration = duration, To = place, Access = access });
    }

    /// <summary>On whose behalf pages moved.</summary>
    /// <param name="number">NVIDIA's number: 1 the user, 2 coherence, 3 a prefetch, 4 an eviction, 5 access counters.</param>
    /// <param name="toRam">Which way.</param>
    /// <returns>The cause.</returns>
    internal static MigrationCause Cause(long number, bool toRam) => number switch
    {
        1 or 3 => MigrationCause.Prefetch,
        2 => toRam ? MigrationCause.CpuFault : MigrationCause.GpuFault,
        4 => MigrationCause.Eviction,
        5 => MigrationCause.AccessCounter,
        _ => MigrationCause.None,
    };
}
