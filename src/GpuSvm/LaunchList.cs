// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>The launches whose end nobody has read yet. Dropped launches are found and let go when the list has doubled.</summary>
/// <remarks>Locking: <see cref="Add"/> and the reads are called under the owner's lock or after its last launch; <see cref="_gate"/> guards the list.</remarks>
internal sealed class LaunchList
{
    private readonly Lock _gate = new();
    private readonly List<Launch> _launches = [];
    private int _sweepAt = 64;

    /// <summary>Enters a launch that was just started.</summary>
    /// <param name="launch">The launch.</param>
    public void Add(Launch launch)
    {
        lock (_gate)
        {
            if (_launches.Count >= _sweepAt)
            {
                _launches.RemoveAll(static one => one.IsCompleted);
                _sweepAt = Math.Max(64, 2 * _launches.Count);
            }
            _launches.Add(launch);
        }
    }

    /// <summary>Waits for the end of all launches; none is added meanwhile.</summary>
    public void CompleteAll()
    {
        Launch[] launches;
        lock (_gate)
        {
            launches = [.. _launches];
            _launches.Clear();
        }
        foreach (Launch launch in launches)
            launch.Complete();
    }
}
