// SPDX-License-Identifier: MIT
using System.Diagnostics;
using System.Runtime.InteropServices;
using GpuSvm.Cli.Interop;

namespace GpuSvm.Cli.Bench;

/// <summary>
/// The streaming patterns as kernels in C that work through windows, without copying tiles: what a kernel without a garbage collector can do.
/// </summary>
internal sealed unsafe class NativeAccessKernels : IDisposable
{
    /// <summary>Elements of a group: 2 MiB of each array.</summary>
    private const int GroupElements = 1 << 18;

    /// <summary>The compiled kernels.</summary>
    private readonly AccessLibrary _library = new();

    /// <summary>The memory that the arrays lie in.</summary>
    private readonly SharedMemory _memory;

    /// <summary>What the kernels work on.</summary>
    private readonly Arguments _arguments;

    /// <summary>The groups' sums.</summary>
    private readonly PrivateBuffer _sums;

    /// <summary>Compiles and loads the kernels, or finds out why that cannot be.</summary>
    /// <param name="memory">The memory that the arrays lie in.</param>
    /// <param name="arrays">The arrays a, b and c of equal length.</param>
    /// <param name="factor">The triad's factor.</param>
    public NativeAccessKernels(SharedMemory memory, (SharedArray<double> A, SharedArray<double> B, SharedArray<double> C) arrays, double factor)
    {
        _memory = memory;
        Groups = (int)((arrays.A.Length + GroupElements - 1) / GroupElements);
        _sums = new PrivateBuffer(Groups * sizeof(double));
        _arguments = new Arguments
        {
            A = (ulong)arrays.A.Address,
            B = (ulong)arrays.B.Address,
            C = (ulong)arrays.C.Address,
            Length = (ulong)arrays.A.Length,
            GroupElements = GroupElements,
            Factor = factor,
            Sums = _sums.Address,
        };
    }

    /// <summary>Why there are no kernels; empty if there are.</summary>
    public string Problem => _library.Problem;

    /// <summary>The number of groups.</summary>
    private int Groups { get; }

    /// <summary>The sum of b that the last <see cref="Sum"/> found.</summary>
    public double Total
    {
        get
        {
            var total = 0.0;
            foreach (var sum in _sums.Span<double>(0, Groups))
                total += sum;
            return total;
        }
    }

    /// <summary>Runs a = b + s * c.</summary>
    /// <returns>Seconds, from the start of the launch until it is known to have ended.</returns>
    public double Triad() => Run("access_triad");

    /// <summary>Runs the sum of b.</summary>
    /// <returns>Seconds, as for <see cref="Triad"/>.</returns>
    public double Sum() => Run("access_sum");

    /// <summary>Unloads the kernels.</summary>
    public void Dispose()
    {
        _library.Dispose();
        _sums.Dispose();
    }

    /// <summary>Launches a kernel by name and waits for it.</summary>
    private double Run(string name)
    {
        var arguments = _arguments;
        var start = Stopwatch.GetTimestamp();

        // SAFETY: the export has the kernel's signature; the arguments stand on this frame until the launch has ended.
        using var launch = _memory.Launch((delegate* unmanaged<KernelContextData*, void*, void>)_library.Export(name), &arguments, Groups);
        launch.Wait();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>The C structure access_arguments.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Arguments
    {
        /// <summary>Address of a.</summary>
        public ulong A;

        /// <summary>Address of b.</summary>
        public ulong B;

        /// <summary>Address of c.</summary>
        public ulong C;

        /// <summary>Elements of each array.</summary>
        public ulong Length;

        /// <summary>Elements of a group.</summary>
        public ulong GroupElements;

        /// <summary>The triad's factor.</summary>
        public double Factor;

        /// <summary>Address of the groups' sums, in private memory.</summary>
        public nint Sums;
    }
}
