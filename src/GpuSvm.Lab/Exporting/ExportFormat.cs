// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Exporting;

/// <summary>What traces are written as for other tools. docs/importing.md says what is in each.</summary>
public enum ExportFormat
{
    /// <summary>Perfetto's protocol buffers, for ui.perfetto.dev.</summary>
    Perfetto,

    /// <summary>The JSON of Chrome's trace viewer.</summary>
    Chrome,

    /// <summary>Comma-separated values: every record a row.</summary>
    Csv,

    /// <summary>The same as a Parquet table.</summary>
    Parquet,

    /// <summary>The summary that ROCm's profiler writes of unified memory.</summary>
    Rocm,
}
