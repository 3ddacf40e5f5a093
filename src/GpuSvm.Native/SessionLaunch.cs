// SPDX-License-Identifier: MIT
using GpuSvm.Native.Abi;
using GpuSvm.SoftwareGpu;

namespace GpuSvm.Native;

/// <summary>A launch as C sees it: a wait and a result.</summary>
/// <param name="owner">The session it runs in.</param>
/// <param name="launch">The device's launch; it keeps its result for as long as anybody refers to it.</param>
internal sealed class SessionLaunch(Session owner, SoftwareGpuLaunch launch)
{
    /// <summary>The session it runs in.</summary>
    public Session Owner { get; } = owner;

    /// <summary>The device's launch.</summary>
    public SoftwareGpuLaunch Launch => launch;

    /// <summary>Waits for the end.</summary>
    /// <param name="timeoutMs">Milliseconds; <see cref="uint.MaxValue"/> for as long as it takes.</param>
    /// <returns>False if it still runs.</returns>
    public bool Wait(uint timeoutMs)
        => launch.Wait(timeoutMs == uint.MaxValue ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(timeoutMs));

    /// <summary>Tells how it ended; it must have.</summary>
    /// <param name="result">The caller's struct, whose size has been checked.</param>
    public unsafe void Describe(LaunchResultStruct* result)
    {
        // SAFETY: the caller's struct, checked to be of this size; it is not in shared memory (see Exports).
        result->Status = (int)launch.Status;
        result->FaultAddress = launch.FaultAddress.Value;
        result->FaultAccess = (uint)launch.FaultAccess;
        result->Reserved = 0;
        result->ElapsedNs = (ulong)launch.ElapsedNanoseconds;
        result->SetMessage(launch.Message);
    }
}
