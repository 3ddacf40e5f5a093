// SPDX-License-Identifier: MIT
namespace GpuSvm.Core.Locking;

/// <summary>Waits for locks whose holders mostly need less than a microsecond: spins before it sleeps, longer than the base library does, whose threads are asleep for fifty times as long as they wait.</summary>
internal static class ShortWait
{
    /// <summary>How often to spin before sleeping: some 20 us together. Once where there is one processor.</summary>
    public static readonly int Spins = Environment.ProcessorCount > 1 ? 100 : 1;

    /// <summary>Spins a little: some 0.2 us.</summary>
    public static void Spin() => Thread.SpinWait(8);

    /// <summary>Takes a lock that somebody else has.</summary>
    /// <param name="taken">The lock.</param>
    public static void Enter(Lock taken)
    {
        for (int spin = 0; spin < Spins; spin++)
        {
            Spin();
            if (taken.TryEnter())
                return;
        }

        using (AllocationWatch.Pause()) // The base library's lock makes what it sleeps on when it is first needed.
            taken.Enter();
    }
}
