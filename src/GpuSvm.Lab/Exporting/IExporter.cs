// SPDX-License-Identifier: MIT
using GpuSvm.Traces;

namespace GpuSvm.Lab.Exporting;

/// <summary>Writes a trace as something else, record by record.</summary>
internal interface IExporter : IDisposable
{
    /// <summary>Where the records go.</summary>
    ITraceSink Sink { get; }

    /// <summary>Ends the file: no record follows.</summary>
    void End();
}
