// SPDX-License-Identifier: MIT
using GpuSvm.Core.Diagnostics;

namespace GpuSvm.Core.Locking;

/// <summary>One call's promise to return with the locks that it was entered with, on every path (INV-24). Folds away with <see cref="CoreSwitches.Checks"/>.</summary>
internal readonly ref struct LockBalance
{
    private readonly int _held;

    /// <summary>Remembers how many locks are held.</summary>
    /// <param name="held">The number.</param>
    private LockBalance(int held) => _held = held;

    /// <summary>Begins a call; dispose the result at its end.</summary>
    /// <returns>The scope.</returns>
    public static LockBalance Begin() => new(LockOrder.HeldCount);

    /// <summary>Ends the call.</summary>
    public void Dispose() => InvariantRecord.Require(LockOrder.HeldCount == _held, "INV-24", "a call has returned with other locks held than it was entered with");
}
