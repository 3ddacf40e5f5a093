// SPDX-License-Identifier: MIT
using System.Diagnostics;

namespace GpuSvm.Observing;

/// <summary>The activity source "GpuSvm": launches, prefetches and migrations as spans of a trace. docs/observing.md lists them. While nobody listens a launch costs one comparison more.</summary>
internal static class SvmActivities
{
    /// <summary>The source.</summary>
    public static readonly ActivitySource Source = new("GpuSvm");

    /// <summary>Begins an activity that ends on another thread: the caller's current activity becomes its parent and stays current.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The activity; null if nobody listens.</returns>
    public static Activity? Begin(string name)
    {
        if (!Source.HasListeners())
            return null;
        Activity? before = Activity.Current;
        Activity? begun = Source.StartActivity(name);
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
}
