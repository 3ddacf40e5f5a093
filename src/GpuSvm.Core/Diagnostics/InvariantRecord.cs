// SPDX-License-Identifier: MIT
using GpuSvm.Core.Locking;

namespace GpuSvm.Core.Diagnostics;

/// <summary>
/// Violations of invariants noticed while they happen: what a walk over the live objects cannot see any more, because it was true for a moment only, or because it is about
/// a step and not about a state. <see cref="InvariantChecker"/> reports them with its own. Folds away with <see cref="CoreSwitches.Checks"/>.
/// </summary>
internal static class InvariantRecord
{
    private const int MaxKept = 100; // The first ones explain the later ones.
    private static readonly List<string> _violations = []; // Guarded by itself.

    /// <summary>Notes a violation unless a condition holds.</summary>
    /// <param name="holds">What must hold.</param>
    /// <param name="invariant">The invariant's number.</param>
    /// <param name="violation">What is wrong otherwise, without a full stop.</param>
    /// <remarks>Locking: a leaf of its own; allocates only if there is something to note.</remarks>
    public static void Require(bool holds, string invariant, string violation)
    {
        if (!CoreSwitches.Checks || holds)
            return;
        lock (_violations)
        {
            if (_violations.Count < MaxKept)
                _violations.Add($"{invariant}: {violation}.");
        }
    }

    /// <summary>Moves what was noted to a list.</summary>
    /// <param name="violations">Receives the sentences.</param>
    public static void TakeInto(List<string> violations)
    {
        lock (_violations)
        {
            violations.AddRange(_violations);
            _violations.Clear();
        }
    }
}
