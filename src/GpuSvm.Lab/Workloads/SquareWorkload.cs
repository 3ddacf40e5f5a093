// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Workloads;

/// <summary>The common part of workloads over several square arrays of one size: what a row is, and how kernels go through them line by line.</summary>
/// <param name="options">How large it is to be.</param>
/// <param name="arrays">How many arrays it has.</param>
/// <param name="vectors">How many arrays of one row it has beside them.</param>
internal abstract class SquareWorkload(WorkloadOptions options, int arrays, int vectors = 0) : IWorkload
{
    private const int ElementBytes = 4;

    /// <inheritdoc/>
    public abstract string Description { get; }

    /// <inheritdoc/>
    public long FootprintBytes => (ArrayBytes * arrays) + (RowBytes * vectors);

    /// <summary>Elements in a row, and rows; a multiple of a line's 32.</summary>
    protected long Side { get; } = Math.Max(32, (long)Math.Sqrt(options.Bytes / arrays / ElementBytes) / 32 * 32);

    /// <summary>Bytes in a row.</summary>
    protected long RowBytes => Side * ElementBytes;

    /// <summary>Bytes in an array.</summary>
    protected long ArrayBytes => Side * RowBytes;

    /// <summary>How often the main loop runs.</summary>
    protected int Iterations => options.Iterations;

    /// <inheritdoc/>
    public abstract void Generate(ITraceSink sink);

    /// <summary>Does something for each line of an array: rows from the top, lines from the left.</summary>
    /// <param name="line">Gets the line's offset.</param>
    protected void ForEachLine(Action<long> line)
    {
        for (long at = 0; at < ArrayBytes; at += ProgramTrace.LineBytes)
            line(at);
    }

    /// <summary>Lanes read a line and what is beside it to the left and right, and the lines above and below.</summary>
    /// <param name="program">The program.</param>
    /// <param name="array">The array.</param>
    /// <param name="at">The line's offset.</param>
    protected void ReadCross(ProgramTrace program, WorkloadArray array, long at)
    {
        program.Read(array, at - RowBytes);
        program.Read(array, at - ElementBytes, ProgramTrace.LineBytes + (2 * ElementBytes));
        program.Read(array, at + RowBytes);
    }

    /// <summary>The size in words.</summary>
    /// <returns>"3 arrays of 1024 x 1024".</returns>
    protected string Shape() => $"{arrays} arrays of {Side} x {Side} ({FootprintBytes / (double)PageSize.HugeBytes * 2:0.#} MiB)";
}
