// SPDX-License-Identifier: MIT
using System.Diagnostics;

namespace GpuSvm.Observing;

/// <summary>
/// The activity sources: "GpuSvm" with launches, prefetches and evictions by call, and "GpuSvm.Migrations" with every migration, of which there may be thousands a second. docs/observing.md
/// lists the activities. While nobody listens a launch costs two comparisons more.
/// </summary>
internal static class SvmActivities
{
    /// <summary>What the program asked for.</summary>
    public static readonly ActivitySource Calls = new("GpuSvm");

    /// <summary>What became of it: pages that moved.</summary>
    public static readonly ActivitySource Migrations = new("GpuSvm.Migrations");

    /// <summary>Begins an activity that ends on another thread: the caller's current activity becomes its parent and stays current.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The activity; null if nobody listens.</returns>
    public static Activity? Begin(string name)
    {
        EventPump.Wake();
        if (!Calls.HasListeners())
            return null;
        Activity? before = Activity.Current;
        Activity? begun = Calls.StartActivity(name);
        Activity.Current = before;
        return begun;
    }

    /// <summary>Ends an activity that began on another thread.</summary>
    /// <param name="activity">The activity, or null.</param>
    /// <param name="status">What became of it.</param>
    /// <param name="message">Why it failed; empty if it did not.</param>
    /// <param name="elapsed">How long it took, where that is known better than by the time of this call.</param>
    public static void End(Activity? activity, StatusCode status, string message, TimeSpan? elapsed = null)
    {
        if (activity == null)
            return;
        if (status != StatusCode.Done)
            activity.SetStatus(ActivityStatusCode.Error, message);
        activity.SetTag("gpusvm.status", status.ToString());
        if (elapsed != null)
            activity.SetEndTime(activity.StartTimeUtc + elapsed.Value);
        Activity? before = Activity.Current;
        activity.Stop();
        Activity.Current = before; // Stop puts the parent in its place.
    }

    /// <summary>Tells of pages that have moved, after the fact and with the times of the event.</summary>
    /// <param name="memory">The memory's number in the process.</param>
    /// <param name="one">A migration.</param>
    public static void Migrated(int memory, in SvmEvent one)
    {
        if (!Migrations.HasListeners())
            return;
        using Activity? activity = Migrations.CreateActivity("gpusvm.migration", ActivityKind.Internal);
        if (activity == null)
            return;
        DateTime end = DateTime.UtcNow - (Stopwatch.GetElapsedTime(0) - one.Timestamp); // Both are of the monotonic clock.
        activity.SetStartTime(end - TimeSpan.FromTicks(one.Nanoseconds / 100));
        activity.Start();
        activity.SetTag("gpusvm.memory", memory).SetTag("gpusvm.address", $"0x{one.Address:x}").SetTag("gpusvm.bytes", one.Bytes);
        activity.SetTag("gpusvm.from", one.From).SetTag("gpusvm.to", one.To).SetTag("gpusvm.cause", one.Cause.ToString()).SetTag("gpusvm.status", one.Status.ToString());
        activity.SetEndTime(end);
    }
}
