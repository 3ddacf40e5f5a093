// SPDX-License-Identifier: MIT
using GpuSvm;

// An ordinary array of the program: the GPU works on it where it is. Nothing is copied, its pages never move, and the collector keeps it.
double[] prices = new double[1_000_000];
for (int i = 0; i < prices.Length; i++)
    prices[i] = i % 100;

using var memory = SharedMemory.Create();
using (InPlaceArray<double> shown = memory.UseInPlace(prices)) // Pinned until here ends.
{
    using Launch launch = memory.Launch(Raise, new RaiseArguments(shown, Percent: 10), new IndexSpace(prices.Length));
    await launch.WaitAsync();
}

Console.WriteLine($"99 became {prices[99]:F1}, the sum is {prices.Sum():F0}");
Console.WriteLine($"{memory.Statistics.BytesToDevice} bytes were migrated");

static void Raise(KernelContext context, in RaiseArguments arguments)
{
    WorkGroup group = context.Group;
    Span<double> block = stackalloc double[(int)group.Size.X];
    context.Read(arguments.Prices, group.Start.X, block);
    foreach (ref double price in block)
        price *= 1 + (arguments.Percent / 100);
    context.Write<double>(arguments.Prices, group.Start.X, block);
}

/// <summary>What every group is given.</summary>
internal readonly record struct RaiseArguments(InPlaceArray<double> Prices, double Percent);
