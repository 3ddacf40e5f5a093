// SPDX-License-Identifier: MIT
namespace GpuSvm.Linux;

/// <summary>
/// What an operation does when the kernel refuses it with EAGAIN because an event of the descriptor has not been read. Reading needs the client's
/// event gate. An
/// attach must succeed, so it waits, and its caller must not hold the gate; populate and write-protect may be called inside the gate, so they only
/// ask for
/// the event to be read and answer Retry. See <see cref="EventRescue"/> for who reads when all service threads are themselves waiting here.
/// </summary>
/// <remarks>The wait of one operation.</remarks>
/// <param name="rescue">The reader to call for.</param>
/// <param name="isPatient">Whether to wait at all.</param>
internal struct PendingEventWait(EventRescue rescue, bool isPatient)
{
    /// <summary>After so long something is broken: the gate is held for ever.</summary>
    private const long LimitMilliseconds = 10_000;

    private int _tries;
    private long _deadline;

    /// <summary>Waits a little, if patient.</summary>
    /// <returns>True: try again. False: give up, with Retry.</returns>
    internal bool Again()
    {
        if (_tries++ == 0)
        {
            _deadline = Environment.TickCount64 + LimitMilliseconds;
            rescue.CountWait();
        }

        if (!isPatient)
        {
            if (CpuFaultService.IsServiceThread)
                rescue.Call(); // The client may try again on this very thread, which then does not come round to reading.
            return false;
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
