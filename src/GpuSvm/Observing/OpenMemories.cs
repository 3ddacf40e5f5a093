// SPDX-License-Identifier: MIT
using GpuSvm.Interop;

namespace GpuSvm.Observing;

/// <summary>The open memories of the process with their numbers, for those who watch.</summary>
internal static class OpenMemories
{
    private static readonly Lock _gate = new();
    private static readonly Dictionary<int, (MemoryHandle Handle, int Devices)> _memories = []; // By number. Guarded by _gate.
    private static int _opened; // Memories so far. Guarded by _gate.

    /// <summary>Shows a memory to everybody who watches.</summary>
    /// <param name="handle">An open one.</param>
    /// <param name="devices">How many devices it has.</param>
    /// <returns>Its number in the process, from 1.</returns>
    public static int Add(MemoryHandle handle, int devices)
    {
        int number;
        lock (_gate)
        {
            number = ++_opened;
            _memories.Add(number, (handle, devices));
        }

        EventPump.Wake();
        return number;
    }

    /// <summary>Shows a memory no more; what it has told is passed on first.</summary>
    /// <param name="number">One that is about to close.</param>
    public static void Remove(int number)
    {
        lock (_gate)
            _memories.Remove(number);
        EventPump.Finish(number);
    }

    /// <summary>Does something with each open memory, none of which is closed meanwhile.</summary>
    /// <param name="visit">Gets the handle and the number; calls the library and nobody else.</param>
    public static void ForEach(Action<MemoryHandle, int> visit)
    {
        lock (_gate)
        {
            foreach ((int number, (MemoryHandle handle, _)) in _memories)
                visit(handle, number);
        }
    }

    /// <summary>Does something with each device of each open memory, none of which is closed meanwhile.</summary>
    /// <param name="visit">Gets the handle, the memory's number and the device's; calls the library and nobody else.</param>
    public static void ForEachDevice(Action<MemoryHandle, int, int> visit)
    {
        lock (_gate)
        {
            foreach ((int number, (MemoryHandle handle, int devices)) in _memories)
            {
                for (int device = 0; device < devices; device++)
                    visit(handle, number, device);
            }
        }
    }
}
