// SPDX-License-Identifier: MIT
using GpuSvm.SoftwareGpu.Mirror;

namespace GpuSvm.Lab.Conformance;

/// <summary>Reads traces. One that is not exactly as the recorder writes them is refused: a byte lost on the way must not pass for an answer of the kernel.</summary>
public static class KernelTraceReader
{
    private const int MostSteps = 100_000; // More is no trace.
    private const int MostLineChars = 4096; // A snapshot of all pages is far shorter.

    /// <summary>Reads one trace.</summary>
    /// <param name="name">What to call it.</param>
    /// <param name="text">Its lines.</param>
    /// <returns>The trace.</returns>
    /// <exception cref="TraceFormatException">It is damaged.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static Trace Read(string name, TextReader text)
    {
        var steps = new List<TraceStep>();
        while (true)
        {
            int number = steps.Count + 1;
            string line = text.ReadLine() ?? throw new TraceFormatException(name, number, 1, $"step {steps.Count} or 'final'", "the end of the file");
            if (line.Length > MostLineChars || steps.Count == MostSteps)
                throw new TraceFormatException(name, number, Math.Min(line.Length, MostLineChars) + 1, "the end of the line, or of the trace", "more than any trace has");
            var reader = new TraceLine(name, number, line);
            if (line.StartsWith("final", StringComparison.Ordinal))
            {
                uint hash = ReadFinal(ref reader);
                if (text.ReadLine() is { } rest)
                    throw new TraceFormatException(name, number + 1, 1, "the end of the file", TraceLine.Quote(rest));
                return new Trace(name, steps, hash);
            }

            steps.Add(ReadStep(ref reader, steps.Count));
        }
    }

    /// <summary>Reads the last line.</summary>
    /// <param name="line">The line.</param>
    /// <returns>The hash.</returns>
    private static uint ReadFinal(ref TraceLine line)
    {
        line.Expect("final ");
        uint hash = line.Hexadecimal(8, "a hash of 8 hexadecimal digits");
        line.ExpectEnd();
        return hash;
    }

    /// <summary>Reads a step.</summary>
    /// <param name="line">The line.</param>
    /// <param name="index">The number it must have.</param>
    /// <returns>The step.</returns>
    private static TraceStep ReadStep(ref TraceLine line, int index)
    {
        line.SkipBlanks();
        line.Number(index, index, $"step {index}");
        line.Blanks();
        TraceOperation operation = line.Operation();
        line.Blanks();
        int device = line.Prefixed('d', 0, 1, "a device, d0 or d1");
        line.Blanks();
        int page = line.Prefixed('p', 0, Trace.AreaPages - 1, $"a page, p0 to p{Trace.AreaPages - 1}");
        line.Blanks();
        int most = Math.Min(Trace.AreaPages - page, operation == TraceOperation.Unmap ? 1 : TraceReplay.MostPages);
        int pages = line.Prefixed('n', 1, most, $"a count of pages, n1 to n{most}");
        line.Blanks();
        int value = operation == TraceOperation.Protect
            ? line.Prefixed('v', 0, 3, "a protection, v0 to v3")
            : line.Prefixed('v', 0, int.MaxValue, "a value, v and a number");
        line.Blanks();
        line.Expect("-> ");
        var answer = new TraceAnswer(line.Number(-4095, 64, "a result: 0, minus an errno, or a signal"));
        if (line.TryExpect(" cp "))
        {
            int done = line.Number(0, pages, "pages done");
            line.Expect(" f ");
            answer = answer with { Progress = new MirrorProgress(done, line.Number(0, int.MaxValue, "a number of faults")) };
        }

        if (line.TryExpect(" h "))
            answer = answer with { Hash = line.Hexadecimal(8, "a hash of 8 hexadecimal digits") };
        if (line.TryExpect(" ["))
            answer = answer with { Snapshot = ReadSnapshot(ref line, pages) };
        line.ExpectEnd();
        return new TraceStep(operation, device, page, pages, value, answer);
    }

    /// <summary>Reads the bytes of a snapshot.</summary>
    /// <param name="line">The line, behind the bracket.</param>
    /// <param name="pages">How many there must be.</param>
    /// <returns>The bytes.</returns>
    private static byte[] ReadSnapshot(ref TraceLine line, int pages)
    {
        var snapshot = new byte[pages];
        for (int page = 0; page < pages; page++)
        {
            if (page > 0)
                line.Expect(" ");
            snapshot[page] = (byte)line.Hexadecimal(2, "a byte of 2 hexadecimal digits");
        }

        line.Expect("]");
        return snapshot;
    }
}
