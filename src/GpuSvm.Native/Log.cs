// SPDX-License-Identifier: MIT
using System.Text;

namespace GpuSvm.Native;

/// <summary>Tells the program what happens, if it wants to hear it: one function for the process.</summary>
/// <remarks>Called outside of all locks. Pairs: <see cref="Set"/> replaces the listener, then waits until nobody is inside the old one.</remarks>
internal static unsafe class Log
{
    private static Listener? _listener; // Replaced whole, by interlocked exchange.

    [ThreadStatic]
    private static int _depth; // How often this thread is inside a listener.

    /// <summary>Sets who listens.</summary>
    /// <param name="function">A gpusvm_log; 0 for nobody.</param>
    /// <param name="level">The highest level it wants.</param>
    /// <param name="arguments">Its last argument.</param>
    public static void Set(nint function, LogLevel level, nint arguments)
    {
        Listener? next = function == 0 || level == LogLevel.None ? null : new Listener(function, level, arguments);
        Listener? old = Interlocked.Exchange(ref _listener, next);
        if (old is null || _depth > 0) // From inside: it would wait for itself.
            return;
        lock (old)
        {
            while (old.Inside > 0)
                Monitor.Wait(old);
        }
    }

    /// <summary>Whether anybody wants to hear of a level: worth asking before a sentence is made.</summary>
    /// <param name="level">The level.</param>
    /// <returns>True if so.</returns>
    public static bool Wants(LogLevel level) => Volatile.Read(ref _listener) is { } listener && level <= listener.Level; // Pairs with Set.

    /// <summary>Tells a sentence.</summary>
    /// <param name="level">How loud it is.</param>
    /// <param name="sentence">The sentence.</param>
    public static void Write(LogLevel level, string sentence)
    {
        if (Volatile.Read(ref _listener) is not { } listener || level > listener.Level) // Pairs with Set.
            return;
        lock (listener)
        {
            if (!ReferenceEquals(Volatile.Read(ref _listener), listener)) // Under its monitor: Set waits for who comes in before it looks.
                return;
            listener.Inside++;
        }

        _depth++;
        byte[] text = Encoding.UTF8.GetBytes(sentence + '\0');
        fixed (byte* bytes = text)
            ((delegate* unmanaged<uint, byte*, void*, void>)listener.Function)((uint)level, bytes, (void*)listener.Arguments); // SAFETY: the program vouches for it until Set has returned.
        _depth--;
        lock (listener)
        {
            if (--listener.Inside == 0)
                Monitor.PulseAll(listener);
        }
    }

    /// <summary>Who listens.</summary>
    /// <param name="function">A gpusvm_log.</param>
    /// <param name="level">The highest level it wants.</param>
    /// <param name="arguments">Its last argument.</param>
    private sealed class Listener(nint function, LogLevel level, nint arguments)
    {
        /// <summary>The function.</summary>
        public nint Function { get; } = function;

        /// <summary>The highest level it wants.</summary>
        public LogLevel Level { get; } = level;

        /// <summary>Its last argument.</summary>
        public nint Arguments { get; } = arguments;

        /// <summary>Calls that have not come back. Guarded by this object's monitor.</summary>
        public int Inside { get; set; }
    }
}
