// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core.Addressing;

namespace GpuSvm.Core.Vm;

/// <summary>Pages in a row of which the same is to be said, in a list in which neighbours differ.</summary>
/// <typeparam name="TSelf">What is said, as a value.</typeparam>
internal interface IPageRun<TSelf>
    where TSelf : struct, IPageRun<TSelf>, IEquatable<TSelf>
{
    /// <summary>The pages.</summary>
    AddressRange Interval { get; }

    /// <summary>The same of other pages.</summary>
    /// <param name="interval">The pages.</param>
    /// <returns>The run.</returns>
    TSelf Over(AddressRange interval);

    /// <summary>Adds a run to a list, or lengthens the last one if the same is to be said of both.</summary>
    /// <param name="runs">The list.</param>
    /// <param name="run">A run that begins where the last one ends.</param>
    static void Append(List<TSelf> runs, in TSelf run)
    {
        if (runs.Count > 0)
        {
            ref TSelf last = ref CollectionsMarshal.AsSpan(runs)[^1];
            if (last.Equals(run.Over(last.Interval)))
            {
                last = last.Over(new AddressRange(last.Interval.Start, run.Interval.End));
                return;
            }
        }

        runs.Add(run);
    }
}
