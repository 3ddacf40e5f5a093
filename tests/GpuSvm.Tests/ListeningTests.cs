// SPDX-License-Identifier: MIT
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Tracing;
using GpuSvm.Observing;
using Microsoft.Extensions.Logging;

namespace GpuSvm.Tests;

/// <summary>What listeners of .NET are told: of the event source, of the activity sources, of the log. In one class, because listeners hear the whole process: its tests run one by one.</summary>
public sealed class ListeningTests
{
    private const long DeviceBytes = 2 << 20;

    [Fact]
    public void WhileNobodyListensNothingIsOpen()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Portable);
        using SharedArray<long> array = memory.Allocate<long>(1000);
        Touch(memory, array);
        Assert.Equal(0, EventPump.Streams);
    }

    [Fact]
    public void AnEventListenerHearsOfLaunchesFaultsAndMigrations()
    {
        using var before = Memories.Open(MemoryKind.Portable, DeviceBytes, chunkBytes: 65536);
        using (var listener = new Listener())
        {
            using SharedArray<long> array = before.Allocate<long>((nint)DeviceBytes / 2);
            Touch(before, array); // Opened before somebody listened, and heard all the same.
            SvmStatistics statistics = before.Statistics;
            before.Dispose(); // What it told is passed on by then.
            Assert.DoesNotContain(listener.Events, one => one.EventId == 0); // The event source's own complaints.
            List<EventWrittenEventArgs> mine = [.. listener.Events.Where(one => MemoryOf(one) == before.Number)]; // Other tests are heard too.
            Assert.Equal(8L, Assert.Single(mine, one => one.EventName == "LaunchStart").Payload![1]);
            EventWrittenEventArgs stop = Assert.Single(mine, one => one.EventName == "LaunchStop");
            Assert.Equal("Done", stop.Payload![0]);
            Assert.True((long)stop.Payload[3]! > 0);
            Assert.Equal(statistics.GpuFaults, mine.Count(one => one.EventName == "Fault" && (string)one.Payload![0]! == "GpuFault"));
            Assert.Equal(statistics.BytesToRam, mine.Where(one => one.EventName == "Migration" && (long)one.Payload![6]! == SvmEvent.Ram).Sum(one => (long)one.Payload![4]!));
            Assert.Contains(mine, one => one.EventName == "Other" && (string)one.Payload![0]! == "Eviction");
            Assert.Contains(mine, one => one.EventName == "Other" && (string)one.Payload![0]! == "Invalidation" && (string)one.Payload[1]! == "Migrate");
        }

        Assert.True(SpinWait.SpinUntil(() => EventPump.Streams == 0, TimeSpan.FromSeconds(30)), "streams stay open although nobody listens");
    }

    [Fact]
    public void ALaunchIsAnActivityWithTheTimeItTook()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Portable);
        using var heard = new Activities("GpuSvm");
        using Activity parent = new Activity("program").Start();
        using Launch launch = memory.Launch(_ => Thread.Sleep(20), 3);
        Assert.Same(parent, Activity.Current);
        launch.Wait();
        Assert.Same(parent, Activity.Current);
        Activity activity = heard.Single(parent);
        Assert.Equal(("gpusvm.launch", 3L, "Done", ActivityStatusCode.Unset), (activity.OperationName, activity.GetTagItem("gpusvm.groups"), activity.GetTagItem("gpusvm.status"), activity.Status));
        Assert.Equal(launch.Elapsed, activity.Duration);
    }

    [Fact]
    public void AFailedLaunchIsAFailedActivityAndLogged()
    {
        var logger = new RecordingLogger();
        using var memory = SharedMemory.Create(new SharedMemoryOptions { Memory = MemoryKind.Portable }, logger);
        using var heard = new Activities("GpuSvm");
        using Activity parent = new Activity("program").Start();
        using Launch launch = memory.Launch(context => context.Fail("no luck"), 1);
        Assert.Throws<KernelFailedException>(launch.Wait);
        Activity activity = heard.Single(parent);
        Assert.Equal((ActivityStatusCode.Error, "no luck"), (activity.Status, activity.StatusDescription));
        Assert.Equal((LogLevel.Warning, 6, "A launch failed with KernelFailed: no luck"), Assert.Single(logger.Lines, line => line.Number == 6));
    }

    [Fact]
    public async Task APrefetchSaysWhatItMovedAndWhatNot()
    {
        var logger = new RecordingLogger();
        Memories.Open(MemoryKind.Real).Dispose(); // Skips where there is none.
        using var memory = SharedMemory.Create(new SharedMemoryOptions { Memory = MemoryKind.Real, DeviceMemoryBytes = DeviceBytes, ComputeUnits = 1 }, logger);
        using SharedArray<long> array = memory.Allocate<long>((nint)DeviceBytes / 4);
        array.Span.Fill(1);
        nint half = array.Length / 2;
        memory.Advise(array, half, half, new MemoryAdvice { NeverMigrate = true });
        using var heard = new Activities("GpuSvm");
        using Activity parent = new Activity("program").Start();
        memory.Prefetch(array, 0, half / 2, MemoryLocation.Device);
        PrefetchResult result = await memory.PrefetchAsync(array, [(0, half)], MemoryLocation.Device);
        Assert.Equal((DeviceBytes, 0), (result.AlreadyThereBytes + result.MovedBytes, result.FailedBytes));
        Assert.DoesNotContain(logger.Lines, line => line.Number == 7);
        SharedMemoryException refused = await Assert.ThrowsAsync<SharedMemoryException>(() => memory.PrefetchAsync(array, [(half, half)], MemoryLocation.Device).AsTask());
        Assert.Equal(StatusCode.NotMigratable, refused.Status);
        Assert.Contains($"{DeviceBytes} did not come to Device memory (NotMigratable)", Assert.Single(logger.Lines, line => line.Number == 7).Text, StringComparison.Ordinal);
        await memory.EvictAsync(array);
        List<Activity> activities = heard.Of(parent);
        Assert.Equal(["gpusvm.prefetch", "gpusvm.prefetch", "gpusvm.prefetch", "gpusvm.evict"], activities.Select(one => one.OperationName));
        Assert.Equal(result.MovedBytes, activities[1].GetTagItem("gpusvm.moved"));
        Assert.Equal((DeviceBytes, ActivityStatusCode.Error), (activities[2].GetTagItem("gpusvm.failed"), activities[2].Status));
    }

    [Fact]
    public void EveryMigrationIsAnActivityForThoseWhoAskForIt()
    {
        SharedMemory memory = Memories.Open(MemoryKind.Portable, DeviceBytes, chunkBytes: 65536);
        SharedArray<long> array = memory.Allocate<long>((nint)DeviceBytes / 2);
        nint address = array.Address;
        using var heard = new Activities("GpuSvm.Migrations");
        DateTime start = DateTime.UtcNow;
        Touch(memory, array);
        SvmStatistics statistics = memory.Statistics;
        memory.Dispose();
        List<Activity> home = [.. heard.All.Where(one => (int)one.GetTagItem("gpusvm.to")! == SvmEvent.Ram && IsInside(one, address, DeviceBytes * 4))];
        Assert.Equal(statistics.BytesToRam, home.Sum(one => (long)one.GetTagItem("gpusvm.bytes")!));
        Assert.Contains(home, one => (string)one.GetTagItem("gpusvm.cause")! == "Eviction");
        Assert.All(home, one => Assert.InRange(one.StartTimeUtc, start.AddMilliseconds(-100), DateTime.UtcNow));
        Assert.All(home, one => Assert.True(one.Duration > TimeSpan.Zero));
    }

    /// <summary>Whether a migration is of an interval: other memories of the process are heard too.</summary>
    private static bool IsInside(Activity one, nint address, long bytes)
    {
        long at = Convert.ToInt64(((string)one.GetTagItem("gpusvm.address")!)[2..], 16);
        return at >= address && at < address + bytes;
    }

    /// <summary>A kernel that writes each page of an array.</summary>
    private static void Touch(SharedMemory memory, SharedArray<long> array) => memory.Run(8, context =>
    {
        (nint start, nint length) = context.Share(array.Length);
        for (nint i = start; i < start + length; i += 512)
            context.Store(array, i, 1L);
    });

    /// <summary>Which memory an event is of.</summary>
    private static long MemoryOf(EventWrittenEventArgs one) => (long)one.Payload![one.PayloadNames!.IndexOf("memory")]!;

    /// <summary>Listens to the event source.</summary>
    private sealed class Listener : EventListener
    {
        /// <summary>What was heard.</summary>
        public ConcurrentQueue<EventWrittenEventArgs> Events { get; } = [];

        /// <inheritdoc/>
        protected override void OnEventSourceCreated(EventSource eventSource)
        {
            if (eventSource.Name == "GpuSvm")
                EnableEvents(eventSource, EventLevel.Verbose);
        }

        /// <inheritdoc/>
        protected override void OnEventWritten(EventWrittenEventArgs eventData) => Events.Enqueue(eventData);
    }

    /// <summary>Listens to an activity source.</summary>
    private sealed class Activities : IDisposable
    {
        private readonly ConcurrentQueue<Activity> _stopped = [];
        private readonly ActivityListener _listener;

        /// <summary>Begins to listen.</summary>
        public Activities(string source)
        {
            _listener = new ActivityListener
            {
                ShouldListenTo = one => one.Name == source,
                Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
                ActivityStopped = _stopped.Enqueue,
            };
            ActivitySource.AddActivityListener(_listener);
        }

        /// <summary>All that have ended.</summary>
        public IEnumerable<Activity> All => _stopped;

        /// <inheritdoc/>
        public void Dispose() => _listener.Dispose();

        /// <summary>Those that have ended below another.</summary>
        public List<Activity> Of(Activity parent) => [.. _stopped.Where(one => one.TraceId == parent.TraceId)];

        /// <summary>The one.</summary>
        public Activity Single(Activity parent) => Assert.Single(Of(parent));
    }
}
