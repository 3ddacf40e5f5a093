// SPDX-License-Identifier: MIT
using System.Text;

namespace GpuSvm.Lab.Importing;

/// <summary>The formats' names, and how a file's beginning tells which it is.</summary>
public static class ImportFormats
{
    private const int Beginning = 64 << 10; // What is looked at.

    private static readonly (ImportFormat Format, string Name)[] _names =
    [
        (ImportFormat.AddressList, "addresses"), (ImportFormat.KfdSmi, "kfd-smi"), (ImportFormat.Nvprof, "nvprof"), (ImportFormat.XeLog, "xe-log"),
        (ImportFormat.Nsight, "nsight"), (ImportFormat.UvmSmart, "uvm-smart"), (ImportFormat.UvmEval, "uvm-eval"), (ImportFormat.PageFaultLog, "page-faults"),
        (ImportFormat.Cupti, "cupti"), (ImportFormat.RocmSummary, "rocm"), (ImportFormat.XeStats, "xe-stats"),
    ];

    /// <summary>All names, as a command line has them.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. _names.Select(pair => pair.Name)];

    /// <summary>The format of a name.</summary>
    /// <param name="name">The name.</param>
    /// <returns>The format, or null.</returns>
    public static ImportFormat? Find(string name) => _names.Where(pair => pair.Name == name).Select(pair => (ImportFormat?)pair.Format).FirstOrDefault();

    /// <summary>A format's name.</summary>
    /// <param name="format">The format.</param>
    /// <returns>The name.</returns>
    public static string NameOf(ImportFormat format) => _names.First(pair => pair.Format == format).Name;

    /// <summary>Guesses a file's format from its first 64 KiB.</summary>
    /// <param name="stream">The file, at its beginning; is left somewhere behind.</param>
    /// <returns>The format, or null if none fits.</returns>
    public static ImportFormat? Guess(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        byte[] first = new byte[Beginning];
        int length = stream.ReadAtLeast(first, first.Length, throwOnEndOfStream: false);
        ReadOnlySpan<byte> bytes = first.AsSpan(0, length);
        if (bytes.StartsWith("SQLite format 3\0"u8))
            return ImportFormat.Nsight;
        if (bytes.Contains((byte)0))
            return null;
        string text = Encoding.Latin1.GetString(bytes);
        if (text.Contains("[Unified Memory", StringComparison.Ordinal) || (text.Contains("Duration", StringComparison.Ordinal) && text.Contains("Virtual Address", StringComparison.Ordinal)))
            return ImportFormat.Nvprof;
        if (text.Contains("UNIFIED_MEMORY_COUNTER [", StringComparison.Ordinal))
            return ImportFormat.Cupti;
        if (text.TrimStart().TrimStart('\u00EF', '\u00BB', '\u00BF').StartsWith('{') && text.Contains("\"migrations\"", StringComparison.Ordinal) && text.Contains("\"device_id\"", StringComparison.Ordinal))
            return ImportFormat.RocmSummary;
        if (text.Contains("svm_pagefault_count:", StringComparison.Ordinal))
            return ImportFormat.XeStats;
        if (text.Contains("page_fault_user:", StringComparison.Ordinal))
            return ImportFormat.PageFaultLog;
        if (text.Contains(": asid=", StringComparison.Ordinal) && text.Contains("gpusvm=", StringComparison.Ordinal))
            return ImportFormat.XeLog;
        return GuessByLines(bytes, isWhole: length < Beginning);
    }

    /// <summary>Guesses from lines, each of which looks alike in the formats that are left: the one whose importer takes most of them.</summary>
    /// <param name="bytes">The file's beginning.</param>
    /// <param name="isWhole">Whether it is all of the file; the last line is left out otherwise.</param>
    /// <returns>The format, or null if none fits.</returns>
    private static ImportFormat? GuessByLines(ReadOnlySpan<byte> bytes, bool isWhole)
    {
        ReadOnlySpan<byte> whole = isWhole ? bytes : bytes[..(bytes.LastIndexOf((byte)'\n') + 1)];
        ImportFormat? best = null;
        long most = 0;
        foreach (ImportFormat format in (ReadOnlySpan<ImportFormat>)[ImportFormat.UvmEval, ImportFormat.KfdSmi, ImportFormat.UvmSmart, ImportFormat.AddressList])
        {
            long records = TraceImport.CountRecords(whole, format);
            if (records > most)
                (best, most) = (format, records);
        }

        return best;
    }
}
