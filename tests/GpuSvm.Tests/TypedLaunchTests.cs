// SPDX-License-Identifier: MIT
using CsCheck;

namespace GpuSvm.Tests;

/// <summary>Kernels that are static methods with arguments of their own, over one to three dimensions.</summary>
public sealed class TypedLaunchTests
{
    [Theory]
    [InlineData(MemoryKind.Real)]
    [InlineData(MemoryKind.Portable)]
    public void AKernelOverAPlaneWorksRowByRow(MemoryKind kind)
    {
        using SharedMemory memory = Memories.Open(kind, chunkBytes: 65536);
        const int Width = 517;
        const int Height = 203;
        using SharedArray<float> input = memory.Allocate<float>(Width * Height);
        using SharedArray<float> output = memory.Allocate<float>(Width * Height);
        using SharedArray<long> sum = memory.Allocate<long>(1);
        for (int i = 0; i < Width * Height; i++)
            input[i] = i % 1000;
        using Launch launch = memory.Launch(Scale, new ScaleArguments(input, output, sum, 0.5f), new IndexSpace(Width, Height));
        Assert.True(launch.Wait(TimeSpan.FromSeconds(60)));
        for (int i = 0; i < Width * Height; i++)
            Assert.Equal(i % 1000 * 0.5f, output[i]);
        Assert.Equal(Width * Height, sum[0]);
        memory.CheckInvariants();
    }

    [Theory]
    [InlineData(1, 1, 1, 1, 1, 1)]
    [InlineData(1000, 1, 1, 64, 1, 1)]
    [InlineData(33, 17, 1, 8, 8, 1)]
    [InlineData(9, 10, 11, 4, 3, 2)]
    [InlineData(3, 3, 3, 100, 100, 100)]
    public void EveryItemRunsOnceWithItsIndexes(int x, int y, int z, int groupX, int groupY, int groupZ)
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Portable);
        var space = new IndexSpace(new Extent3(x, y, z), new Extent3(groupX, groupY, groupZ));
        int[] runs = new int[x * y * z];
        using Launch launch = memory.Launch(Count, new CountArguments(runs), space);
        launch.Wait();
        Assert.All(runs, count => Assert.Equal(1, count));
    }

    [Fact]
    public void GroupsCoverEverySpaceOnce() => Gen.Select(Gen.Int[1, 40], Gen.Int[1, 12], Gen.Int[1, 6], Gen.Int[1, 50], Gen.Int[1, 14], Gen.Int[1, 7]).Sample((x, y, z, groupX, groupY, groupZ) =>
    {
        var space = new IndexSpace(new Extent3(x, y, z), new Extent3(groupX, groupY, groupZ));
        int[] seen = new int[x * y * z];
        for (nint group = 0; group < space.Groups.Count; group++)
        {
            foreach (Index3 row in space.GroupAt(group).Rows)
            {
                for (nint i = 0; i < space.GroupAt(group).Size.X; i++)
                    seen[space.OffsetOf(row) + i]++;
            }
        }

        Assert.All(seen, count => Assert.Equal(1, count));
    });

    [Fact]
    public void ArgumentsAreCopiedWhenTheLaunchStarts()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Portable);
        using SharedArray<long> array = memory.Allocate<long>(1);
        using var go = new ManualResetEventSlim();
        using Launch first = memory.Launch(_ => go.Wait(), 1);
        var arguments = new AddArguments(array, 5);
        using Launch second = memory.Launch(Add, arguments, new IndexSpace(100));
        arguments = arguments with { Value = 1000 };
        go.Set();
        second.Wait();
        Assert.Equal(500, array[0]);
        Assert.Equal(1000, arguments.Value);
    }

    [Fact]
    public void AGroupAllocatesNothing()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Portable, units: 1);
        using SharedArray<float> input = memory.Allocate<float>(64 * 64);
        using SharedArray<long> sum = memory.Allocate<long>(1);
        var watch = new AllocationWatch();
        using Launch launch = memory.Launch(Watched, new WatchedArguments(new ScaleArguments(input, input, sum, 2), watch), new IndexSpace(new Extent3(64, 64), new Extent3(8, 8)));
        launch.Wait();
        Assert.Equal((63, 0), (watch.Groups, watch.Bytes)); // The first group warms up.
    }

    [Fact]
    public void WithoutFaultsItUsesWhatItNames()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Real, withoutFaults: true);
        using SharedArray<long> array = memory.Allocate<long>(1);
        using Launch named = memory.Launch(Add, new AddArguments(array, 3), new IndexSpace(10), [array.Use()]);
        named.Wait();
        Assert.Equal(30, array[0]);
        using Launch unnamed = memory.Launch(Add, new AddArguments(array, 3), new IndexSpace(10));
        Assert.Throws<KernelAccessException>(unnamed.Wait);
    }

    [Fact]
    public void AnExceptionFailsTheLaunch()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Portable);
        using Launch launch = memory.Launch(static (KernelContext context, in AddArguments arguments) => throw new FormatException($"{arguments.Value}"), new AddArguments(null!, 7), new IndexSpace(1));
        Assert.Equal("7", Assert.IsType<FormatException>(Assert.Throws<KernelFailedException>(launch.Wait).InnerException).Message);
    }

    [Fact]
    public void ALaunchOfGroupsIsASpaceOfGroupsOfOneItem()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Portable);
        memory.Run(7, context =>
        {
            Assert.Equal(new IndexSpace(new Extent3(7), new Extent3(1)), context.Space);
            Assert.Equal(new WorkGroup(new Index3(context.GroupIndex), new Index3(context.GroupIndex), new Extent3(1)), context.Group);
        });
    }

    [Fact]
    public void SpacesAreChecked()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Portable);
        Assert.Throws<ArgumentOutOfRangeException>(() => new IndexSpace(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new IndexSpace(1, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new IndexSpace(new Extent3(1), new Extent3(1, 0)));
        Assert.Contains("parts", Assert.Throws<ArgumentOutOfRangeException>(() => new IndexSpace(nint.MaxValue, 2)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new IndexSpace(1 << 30, 1 << 30, 1 << 30));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Launch(Add, new AddArguments(null!, 1), default));
        Assert.Throws<ArgumentNullException>(() => memory.Launch(null!, new AddArguments(null!, 1), new IndexSpace(1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => new IndexSpace(10).GroupAt(1));
    }

    /// <summary>Output is input times a number, and the items are counted.</summary>
    private static void Scale(KernelContext context, in ScaleArguments arguments)
    {
        WorkGroup group = context.Group;
        Span<float> row = stackalloc float[(int)group.Size.X];
        foreach (Index3 start in group.Rows)
        {
            nint at = context.Space.OffsetOf(start);
            context.Read(arguments.Input, at, row);
            foreach (ref float value in row)
                value *= arguments.Factor;
            context.Write<float>(arguments.Output, at, row);
        }

        context.AtomicAdd(arguments.Sum, 0, group.Size.Count);
    }

    /// <summary>Counts the items that run, after comparing their indexes with each other.</summary>
    private static void Count(KernelContext context, in CountArguments arguments)
    {
        WorkGroup group = context.Group;
        Extent3 size = context.Space.GroupSize;
        foreach (WorkItem item in group)
        {
            Assert.Equal(item.Global, new Index3((group.Index.X * size.X) + item.Local.X, (group.Index.Y * size.Y) + item.Local.Y, (group.Index.Z * size.Z) + item.Local.Z));
            Interlocked.Increment(ref arguments.Runs[context.Space.OffsetOf(item.Global)]);
        }
    }

    /// <summary>Adds a number for each item.</summary>
    private static void Add(KernelContext context, in AddArguments arguments)
    {
        foreach (WorkItem _ in context.Group)
            context.AtomicAdd(arguments.Array, 0, arguments.Value);
    }

    /// <summary>Scales, and notes what the thread has allocated since the group before.</summary>
    private static void Watched(KernelContext context, in WatchedArguments arguments)
    {
        Scale(context, arguments.Scale);
        arguments.Watch.Note(GC.GetAllocatedBytesForCurrentThread());
    }

    private readonly record struct ScaleArguments(SharedArray<float> Input, SharedArray<float> Output, SharedArray<long> Sum, float Factor);

    private readonly record struct CountArguments(int[] Runs);

    private readonly record struct AddArguments(SharedArray<long> Array, long Value);

    private readonly record struct WatchedArguments(ScaleArguments Scale, AllocationWatch Watch);

    /// <summary>What one thread allocates between groups.</summary>
    private sealed class AllocationWatch
    {
        private long _last = -1;

        /// <summary>Groups after the first.</summary>
        public int Groups { get; private set; }

        /// <summary>What they allocated.</summary>
        public long Bytes { get; private set; }

        /// <summary>Notes the end of a group.</summary>
        public void Note(long allocated)
        {
            if (_last >= 0)
            {
                Groups++;
                Bytes += allocated - _last;
            }

            _last = allocated;
        }
    }
}
