// SPDX-License-Identifier: MIT
using GpuSvm.Traces;

namespace GpuSvm.Lab.Workloads;

/// <summary>
/// A language model makes tokens: for each one the weights of every layer are read in order, once, and with them what the layer has kept of all tokens before (keys and values); the new token's is written behind.
/// </summary>
/// <param name="options">How large it is to be; an iteration is a token.</param>
internal sealed class LanguageModel(WorkloadOptions options) : IWorkload
{
    private const int Layers = 16;
    private const int WordsOfPrompt = 16;
    private const int CacheShare = 16; // One part in so many of the size is the cache.

    private readonly long _layerBytes = Math.Max(ProgramTrace.LineBytes, options.Bytes / Layers * (CacheShare - 1) / CacheShare / ProgramTrace.LineBytes * ProgramTrace.LineBytes);

    /// <inheritdoc/>
    public string Description =>
        $"language model, {Layers} layers of {_layerBytes / 1024.0:0.#} KiB, {options.Iterations} tokens after a prompt of {WordsOfPrompt}, {TokenBytes} bytes kept of each in each layer";

    /// <inheritdoc/>
    public long FootprintBytes => Layers * (_layerBytes + CacheBytes);

    /// <summary>Tokens of which something is kept.</summary>
    private int Tokens => WordsOfPrompt + options.Iterations;

    /// <summary>Bytes that a layer keeps of a token: keys and values, whole lines.</summary>
    private long TokenBytes => Math.Max(ProgramTrace.LineBytes, options.Bytes / CacheShare / Layers / Tokens / ProgramTrace.LineBytes * ProgramTrace.LineBytes);

    /// <summary>Bytes that a layer keeps.</summary>
    private long CacheBytes => TokenBytes * Tokens;

    /// <inheritdoc/>
    public void Generate(ITraceSink sink)
    {
        var program = new ProgramTrace(sink);
        WorkloadArray[] weights = [.. Enumerable.Range(0, Layers).Select(layer => program.Allocate($"layer {layer}", _layerBytes))];
        WorkloadArray cache = program.Allocate("KV cache", Layers * CacheBytes, fill: false);
        for (int token = 0; token < options.Iterations; token++)
        {
            for (int layer = 0; layer < Layers; layer++)
            {
                program.BeginKernel($"layer {layer}");
                // The prompt goes through a layer at once, as the first token does.
                int kept = token == 0 ? 0 : WordsOfPrompt + token;
                int made = token == 0 ? WordsOfPrompt + 1 : 1;
                Lines(0, _layerBytes, at => program.Read(weights[layer], at));
                long start = layer * CacheBytes;
                Lines(start + (kept * TokenBytes), made * TokenBytes, at => program.Write(cache, at));
                Lines(start, (kept + made) * TokenBytes, at => program.Read(cache, at));
                program.EndKernel();
            }
        }

        program.Free();
    }

    /// <summary>Does something for each line of a piece.</summary>
    /// <param name="start">Where it begins.</param>
    /// <param name="bytes">How long it is.</param>
    /// <param name="line">Gets the line's offset.</param>
    private static void Lines(long start, long bytes, Action<long> line)
    {
        for (long at = start; at < start + bytes; at += ProgramTrace.LineBytes)
            line(at);
    }
}
