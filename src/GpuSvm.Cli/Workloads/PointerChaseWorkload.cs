// SPDX-License-Identifier: MIT
using System.Numerics;
using GpuSvm.Cli.Report;
using GpuSvm.Lab.Graphs;

namespace GpuSvm.Cli.Workloads;

/// <summary>
/// Four linked lists of real pointers, written by CPU threads and walked by the GPU, each access waiting for the one before. A list visits every
/// node of
/// a 64 KiB block in random order and then leaps to a random other block, as lists do that were allocated in pieces: within a block the TLB and the
/// caches decide, at each leap the memory system. The one workload that must load element by element.
/// </summary>
internal sealed class PointerChaseWorkload : IWorkload
{
    /// <summary>Nodes in a block: 64 KiB.</summary>
    private const int BlockNodes = 4096;

    /// <summary>Lists, each walked by its own group; fewer if there are fewer blocks.</summary>
    private const int MostWalkers = 4;

    /// <summary>Bytes of a node.</summary>
    private const int NodeBytes = 16;

    /// <summary>The nodes' successors by number, on a private array: each list is a cycle.</summary>
    private int[] _next = [];

    /// <summary>The node each walker begins at.</summary>
    private int[] _starts = [];

    /// <summary>The number of nodes in each walker's list; the walk takes one step fewer and so ends at the last.</summary>
    private int[] _lengths = [];

    /// <summary>Seed of order and values.</summary>
    private SplitMix _random;

    /// <summary>The nodes in shared memory.</summary>
    private SharedArray<ChaseNode> _nodes = null!;

    /// <summary>Two numbers a walker: where it ended, as an address, and its sum.</summary>
    private SharedArray<long> _results = null!;

    /// <inheritdoc/>
    public string Input => $"{_starts.Length} lists of {_next.Length:N0} nodes in all, {NodeBytes} bytes each";

    /// <inheritdoc/>
    public long DataBytes => (_next.Length * (long)NodeBytes) + (_starts.Length * 2L * sizeof(long));

    /// <inheritdoc/>
    public long TrafficBytes => _next.Length * (long)NodeBytes;

    /// <inheritdoc/>
    public string TrafficDefinition => "16 bytes per node visited";

    /// <inheritdoc/>
    public long EstimateBytes(WorkloadSettings settings) => settings.ArrayBytes("pointer-chase", 32L << 20);

    /// <inheritdoc/>
    public void Prepare(WorkloadSettings settings, Progress progress)
    {
        var count = EstimateBytes(settings) / NodeBytes;
        if (count > Array.MaxLength)
            throw new InputException($"--size {settings.SizeBytes}: too large for pointer-chase; use at most {(long)Array.MaxLength * NodeBytes} bytes");
        progress.Stage($"laying out {count:N0} nodes");
        _random = new SplitMix(settings.Seed);
        _next = new int[count];
        var blocks = (int)((count + BlockNodes - 1) / BlockNodes);
        var order = _random.Permutation(blocks);
        var walkers = Math.Min(MostWalkers, blocks);
        _starts = new int[walkers];
        _lengths = new int[walkers];
        for (var walker = 0; walker < walkers; walker++)
            LinkList(order.AsSpan(blocks * walker / walkers, (blocks * (walker + 1) / walkers) - (blocks * walker / walkers)), walker);
    }

    /// <summary>Links all nodes of some blocks into one cycle, block after block.</summary>
    private void LinkList(ReadOnlySpan<int> blocks, int walker)
    {
        var last = -1;
        foreach (var block in blocks)
        {
            var first = block * BlockNodes;
            var order = new SplitMix(_random.At((ulong)block)).Permutation(Math.Min(BlockNodes, _next.Length - first));
            foreach (var place in order)
            {
                if (last < 0)
                    _starts[walker] = first + place;
                else
                    _next[last] = first + place;
                last = first + place;
            }

            _lengths[walker] += order.Length;
        }

        _next[last] = _starts[walker];
    }

    /// <inheritdoc/>
    public void Fill(SharedMemory memory, WorkloadSettings settings)
    {
        _nodes = memory.Allocate<ChaseNode>(_next.Length);
        _results = memory.Allocate<long>(_starts.Length * 2);
        var address = _nodes.Address;
        CpuThreads.ForEachPiece(_next.Length, settings.Threads, (start, length) =>
        {
            var nodes = _nodes.Slice((nint)start, length);
            for (var index = 0; index < length; index++)
                nodes[index] = new ChaseNode(address + ((nint)_next[start + index] * NodeBytes), Value((int)start + index));
        });
    }

    /// <inheritdoc/>
    public void Solve(SharedMemory memory, Progress progress)
    {
        using var launch = memory.Launch(Walk, _starts.Length, [_nodes.Use(KernelAccess.Read), _results.Use()]);
        launch.Wait();
    }

    /// <summary>The kernel: one walker follows its list to the end.</summary>
    private void Walk(KernelContext context)
    {
        var walker = (int)context.GroupIndex;
        var address = _nodes.Address + ((nint)_starts[walker] * NodeBytes);
        var node = context.Load<ChaseNode>(address);
        var sum = node.Value;
        for (var step = 1; step < _lengths[walker]; step++)
        {
            address = node.Next;
            node = context.Load<ChaseNode>(address);
            sum = Add(sum, node.Value);
        }

        context.Write<long>(_results, walker * 2, [address, sum]);
    }

    /// <inheritdoc/>
    public Verification Verify()
    {
        for (var walker = 0; walker < _starts.Length; walker++)
        {
            var node = _starts[walker];
            var sum = Value(node);
            for (var step = 1; step < _lengths[walker]; step++)
            {
                node = _next[node];
                sum = Add(sum, Value(node));
            }

            var end = (_results[walker * 2] - _nodes.Address) / NodeBytes;
            if (end != node || _results[(walker * 2) + 1] != sum)
            {
                return new Verification(
                    false,
                    $"list {walker}: ended at node {end} with sum {_results[(walker * 2) + 1]}, a plain CPU run ends at node {node} with sum {sum}");
            }
        }

        return new Verification(true, $"end node and sum of all {_starts.Length} lists equal a plain CPU run ({_next.Length:N0} nodes visited)");
    }

    /// <summary>A sum that depends on the order in which values come.</summary>
    private static long Add(long sum, long value) => (long)BitOperations.RotateLeft((ulong)sum, 1) + value;

    /// <summary>The value of a node.</summary>
    private long Value(int node) => (long)_random.At((1UL << 32) + (ulong)node);
}
