// SPDX-License-Identifier: MIT
namespace GpuSvm.Linux;

/// <summary>
/// The bounded wait of an operation that the kernel refuses with EAGAIN because an event of the descriptor has not been read. Reading it needs the client's event
/// gate, which our caller must not hold; see <see cref="EventRescue"/> for who reads when all service threads are themselves waiting here.
/// </summary>
/// <remarks>A wait for one operation.</remarks>
/// <param name="rescue">The reader to call for.</param>
internal struct PendingEventWait(EventRescue rescue)
{
    /// <summary>After so long something is broken: the gate is held for ever.</summary>
    private const long LimitMilliseconds = 10_000;

    private int _tries;
    private long _deadline;

    /// <summary>Waits a little.</summary>
    /// <returns>True: try again. False: ten seconds have passed.</returns>
    internal bool Again()
    {
        if (_tries++ == 0)
        {
            _deadline = Environment.TickCount64 + LimitMilliseconds;
            rescue.CountWait();
        }

        // A service thread knows that it does not read; others give the service threads a chance first.
        if (CpuFaultService.IsServiceThread || _tries > 16)
            rescue.Call();
        if (_tries > 256)
            Thread.Sleep(1);
        else
            Thread.Yield();
        return Environment.TickCount64 < _deadline;
    }
}
