// SPDX-License-Identifier: MIT
namespace GpuSvm.Tests;

/// <summary>Runs the same work on all devices and on CPU threads: at once on real memory, and on portable memory, where the CPU must keep off while a launch runs, first on the devices and then on the CPU.</summary>
/// <param name="memory">The memory.</param>
/// <param name="groups">Groups on each device.</param>
/// <param name="threads">CPU threads.</param>
internal sealed class Crew(SharedMemory memory, int groups, int threads)
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(100);

    /// <summary>How many participants there are.</summary>
    public int Count => (memory.DeviceCount * groups) + threads;

    /// <summary>Lets everybody work, and waits.</summary>
    public void Run(SharedWork work)
    {
        KernelQueue[] queues = [.. Enumerable.Range(0, memory.DeviceCount).Select(memory.CreateQueue)];
        Launch[] launches = [.. queues.Select(queue => queue.Launch(context => work(new Participant(context), (queue.Device * groups) + (int)context.GroupIndex, Count), groups))];
        if (memory.Kind == MemoryKind.Portable)
            WaitFor(launches);
        Exception? failure = null;
        Thread[] workers = [.. Enumerable.Range(memory.DeviceCount * groups, threads).Select(number => new Thread(() =>
        {
            try
            {
                work(new Participant(), number, Count);
            }
            catch (Exception e)
            {
                failure = e;
            }
        }))];
        Array.ForEach(workers, worker => worker.Start());
        Array.ForEach(workers, worker => Assert.True(worker.Join(_patience), "a CPU thread hangs"));
        WaitFor(launches);
        Assert.Null(failure);
        foreach (KernelQueue queue in queues)
            queue.Dispose();
    }

    /// <summary>Waits for launches and ends them; a failed one throws.</summary>
    private static void WaitFor(Launch[] launches)
    {
        foreach (Launch launch in launches)
        {
            Assert.True(launch.Wait(_patience), "a launch hangs");
            launch.Dispose();
        }
    }
}
