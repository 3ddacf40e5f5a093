// SPDX-License-Identifier: MIT
using System.Diagnostics;
using Microsoft.Extensions.Logging;

namespace GpuSvm.Observing;

/// <summary>Tells a launch's end to those who watch.</summary>
/// <param name="memory">The memory's number in the process.</param>
/// <param name="groups">How many groups it has.</param>
/// <param name="logger">Is told of a failure.</param>
/// <param name="activity">Its activity; null if nobody listened when it was started.</param>
internal readonly struct LaunchReport(int memory, nint groups, ILogger logger, Activity? activity)
{
    /// <summary>Tells it.</summary>
    /// <param name="outcome">How it ended.</param>
    public void End(LaunchOutcome outcome)
    {
        if (SvmEventSource.Log!.IsEnabled())
            SvmEventSource.Log.LaunchStop(outcome.Status.ToString(), memory, groups, outcome.Elapsed.Ticks * 100);
        SvmActivities.End(activity, outcome.Status, outcome.Message, outcome.Elapsed);
        if (outcome.Status != StatusCode.Done)
            SvmLog.LaunchFailed(logger, outcome.Status, outcome.Message);
    }
}
