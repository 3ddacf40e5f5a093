// SPDX-License-Identifier: MIT
namespace GpuSvm.Tests;

/// <summary>How launches end, well and badly, and that what fails harms nothing else.</summary>
public sealed class LaunchTests : IDisposable
{
    private readonly SharedMemory _memory = Memories.Open(MemoryKind.Portable);
    private readonly SharedArray<long> _data;

    public LaunchTests()
    {
        _data = _memory.Allocate<long>(100_000);
        _data.Span.Fill(3);
    }

    public void Dispose()
    {
        _memory.CheckInvariants();
        _memory.Dispose();
    }

    [Fact]
    public void EveryGroupRunsOnce()
    {
        int[] runs = new int[1000];
        using Launch launch = _memory.Launch(context => Interlocked.Increment(ref runs[context.GroupIndex]), runs.Length);
        launch.Wait();
        Assert.All(runs, count => Assert.Equal(1, count));
        Assert.True(launch.IsCompleted);
        Assert.True(launch.Elapsed > TimeSpan.Zero);
    }

    [Fact]
    public void LaunchesRunInOrder()
    {
        List<Launch> launches = [];
        for (int i = 0; i < 200; i++)
        {
            long before = i;
            launches.Add(_memory.Launch(context => context.Store(_data, 0, context.Load(_data, 0) == before + 3 ? before + 4 : long.MinValue), 1));
        }
        launches.ForEach(launch => launch.Wait());
        Assert.Equal(203, _data[0]);
    }

    [Fact]
    public void ADroppedLaunchStillRunsToItsEnd()
    {
        for (int i = 0; i < 300; i++)
        {
            _ = _memory.Launch(context => context.AtomicAdd(_data, 1, 1), 1);
            if (i % 50 == 0)
                GC.Collect();
        }
        _memory.Run(1, _ => { });
        Assert.Equal(303, _data[1]);
    }

    [Fact]
    public void AKernelThatThrowsFailsItsLaunchWithTheException()
    {
        using Launch launch = _memory.Launch(context =>
        {
            if (context.GroupIndex == 5)
                throw new InvalidOperationException("the fifth group is broken");
        }, 10);
        KernelFailedException failed = Assert.Throws<KernelFailedException>(launch.Wait);
        Assert.IsType<InvalidOperationException>(failed.InnerException);
        Assert.Contains("the fifth group is broken", failed.Message, StringComparison.Ordinal);
        Assert.Throws<KernelFailedException>(launch.Wait);
        AssertIntact();
    }

    [Fact]
    public void AKernelThatFailsItselfSaysWhy()
    {
        string sentence = "no solution for the input – " + new string('x', 400);
        using Launch launch = _memory.Launch(context => context.Fail(sentence), 1);
        KernelFailedException failed = Assert.Throws<KernelFailedException>(launch.Wait);
        Assert.StartsWith("no solution for the input – xxx", failed.Message, StringComparison.Ordinal);
        Assert.InRange(failed.Message.Length, 240, 255);
        Assert.Null(failed.InnerException);
        AssertIntact();
    }

    [Theory]
    [InlineData(0x10_000)]
    [InlineData(8)]
    [InlineData(unchecked((long)0xffff_8000_0000_0000))]
    public void AReadOutsideSharedMemoryFailsOnlyThatLaunch(long address)
    {
        using Launch launch = _memory.Launch(context => context.Load<long>((nint)address), 4);
        KernelAccessException failed = Assert.Throws<KernelAccessException>(launch.Wait);
        Assert.Equal((nint)address, failed.Address);
        Assert.Equal(KernelAccess.Read, failed.Access);
        Assert.Equal(StatusCode.NotMapped, failed.Status);
        Assert.Contains($"0x{address:x}", failed.Message, StringComparison.Ordinal);
        AssertIntact();
    }

    [Fact]
    public unsafe void AWriteToMemoryThatIsNotSharedFailsAndChangesNothing()
    {
        long mine = 17;
        nint address = (nint)(&mine);
        using Launch launch = _memory.Launch(context => context.Store(address, 18L), 1);
        KernelAccessException failed = Assert.Throws<KernelAccessException>(launch.Wait);
        Assert.Equal(KernelAccess.Write, failed.Access);
        Assert.Equal(address, failed.Address);
        Assert.Equal(17, mine);
        AssertIntact();
    }

    [Fact]
    public void AKernelThatCatchesAFailedAccessStillFails()
    {
        using Launch launch = _memory.Launch(context =>
        {
            try
            {
                context.Load<int>(64);
            }
            catch (SharedMemoryException)
            {
                // Going on does not help: the launch has failed.
            }
        }, 1);
        Assert.Equal(64, Assert.Throws<KernelAccessException>(launch.Wait).Address);
    }

    [Fact]
    public void AccessToAFreedArrayFailsTheLaunch()
    {
        SharedArray<long> freed = _memory.Allocate<long>(100);
        nint address = freed.Address;
        freed.Dispose();
        using Launch launch = _memory.Launch(context => context.Load<long>(address), 1);
        Assert.Equal(address, Assert.Throws<KernelAccessException>(launch.Wait).Address);
        AssertIntact();
    }

    [Fact]
    public void AnIndexOutsideTheArrayIsRefusedBeforeTheAccess()
    {
        using Launch launch = _memory.Launch(context => context.Load(_data, _data.Length), 1);
        Assert.IsType<ArgumentOutOfRangeException>(Assert.Throws<KernelFailedException>(launch.Wait).InnerException);
        using Launch gather = _memory.Launch(context => context.Gather(_data, [0, -1], new long[2]), 1);
        Assert.IsType<ArgumentOutOfRangeException>(Assert.Throws<KernelFailedException>(gather.Wait).InnerException);
        AssertIntact();
    }

    [Fact]
    public void ABufferOfSharedMemoryIsRefused()
    {
        using Launch launch = _memory.Launch(context => context.Read(_data, 0, _data.Slice(1000, 10)), 1);
        Assert.IsType<ArgumentException>(Assert.Throws<KernelFailedException>(launch.Wait).InnerException);
        AssertIntact();
    }

    [Fact]
    public void AKernelCannotWaitForALaunchOrDisposeTheMemory()
    {
        Launch? own = null;
        using var known = new ManualResetEventSlim();
        own = _memory.Launch(_ =>
        {
            known.Wait();
            own!.Wait();
        }, 1);
        known.Set();
        Assert.IsType<InvalidOperationException>(Assert.Throws<KernelFailedException>(own.Wait).InnerException);
        using Launch disposes = _memory.Launch(_ => _memory.Dispose(), 1);
        Assert.IsType<InvalidOperationException>(Assert.Throws<KernelFailedException>(disposes.Wait).InnerException);
        using Launch disposesLater = _memory.Launch(_ => _memory.DisposeAsync().AsTask().Wait(), 1);
        Assert.IsType<InvalidOperationException>(Assert.Throws<KernelFailedException>(disposesLater.Wait).InnerException);
        AssertIntact();
    }

    [Fact]
    public unsafe void ArgumentsAreChecked()
    {
        Assert.Throws<ArgumentNullException>(() => _memory.Launch(null!, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => _memory.Launch(_ => { }, 0));
        Assert.Throws<ArgumentNullException>(() => _memory.Launch((delegate* unmanaged<KernelContextData*, void*, void>)null, null, 1));
    }

    [Fact]
    public async Task WaitingWithATimeoutOrATokenEndsTheWaitingOnly()
    {
        using var gate = new ManualResetEventSlim();
        using Launch launch = _memory.Launch(context =>
        {
            gate.Wait();
            context.Store(_data, 2, 99L);
        }, 1);
        Assert.False(launch.Wait(TimeSpan.FromMilliseconds(20)));
        Assert.False(launch.IsCompleted);
        using var cancel = new CancellationTokenSource();
        Task waiting = launch.WaitAsync(cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        gate.Set();
        await launch.WaitAsync();
        Assert.Equal(99, _data[2]);
    }

    [Fact]
    public async Task ManyThreadsMayWaitForOneLaunch()
    {
        using var gate = new ManualResetEventSlim();
        using Launch launch = _memory.Launch(_ => gate.Wait(), 1);
        Task[] waiters = [.. Enumerable.Range(0, 8).Select(_ => Task.Factory.StartNew(launch.Wait, TaskCreationOptions.LongRunning))];
        gate.Set();
        await Task.WhenAll(waiters).WaitAsync(TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task DisposingTheMemoryWaitsForItsLaunches()
    {
        SharedMemory memory = Memories.Open(MemoryKind.Portable);
        using var gate = new ManualResetEventSlim();
        int ended = 0;
        Launch launch = memory.Launch(_ =>
        {
            gate.Wait();
            Interlocked.Increment(ref ended);
        }, 3);
        Task disposing = Task.Factory.StartNew(memory.Dispose, TaskCreationOptions.LongRunning);
        gate.Set();
        await disposing.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(3, ended);
        launch.Wait(); // Its end is known although its memory is gone.
    }

    [Fact]
    public void AnExceptionOfTheProgramIsStillCaughtWithTheLibraryLoaded()
    {
        // Two runtimes share the process's signal handlers: a null reference must still reach the right one.
        string? nothing = _memory.Kind == MemoryKind.Auto ? "" : null;
        Assert.Throws<NullReferenceException>(() => nothing!.Length);
        using Launch launch = _memory.Launch(_ => GC.KeepAlive(nothing!.Length), 1);
        Assert.IsType<NullReferenceException>(Assert.Throws<KernelFailedException>(launch.Wait).InnerException);
    }

    private void AssertIntact()
    {
        Assert.Equal(-1, _data.Span.IndexOfAnyExcept(3L));
        _memory.Run(4, context => Assert.Equal(3, context.Load(_data, context.GroupIndex * 1000)));
        Assert.Equal(-1, _data.Span.IndexOfAnyExcept(3L));
    }
}
