// SPDX-License-Identifier: MIT
using System.Runtime.ExceptionServices;

namespace GpuSvm.Conformance;

/// <summary>A thread of the simulated or real program. What it throws is thrown again where it is joined.</summary>
public sealed class ProgramThread
{
    private readonly Thread _thread;
    private ExceptionDispatchInfo? _failure;

    /// <summary>Starts the thread.</summary>
    /// <param name="body">What it does.</param>
    public ProgramThread(Action body)
    {
        _thread = new Thread(() =>
        {
            try
            {
                body();
            }
            catch (Exception failure)
            {
                _failure = ExceptionDispatchInfo.Capture(failure);
            }
        })
        { IsBackground = true, Name = "program" };
        _thread.Start();
    }

    /// <summary>Whether it has not ended yet.</summary>
    public bool IsRunning => _thread.IsAlive;

    /// <summary>Waits for its end, at most half a minute: longer means that it hangs.</summary>
    public void Join()
    {
        Assert.True(_thread.Join(30_000), "A program thread hangs.");
        _failure?.Throw();
    }
}
