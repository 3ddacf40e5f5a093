// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Core.Device;

namespace GpuSvm.SoftwareGpu;

/// <summary>A compute unit: a thread that runs kernels group by group, with an MMU of its own.</summary>
/// <remarks>A kernel is called through an unmanaged function pointer with the ordinary transition, so that native code may run as long as it likes without holding up the collector.</remarks>
internal sealed unsafe class SoftwareGpuUnit
{
    private static readonly SoftwareGpuKernelFunctions* _functions = SoftwareGpuKernelCalls.CreateTable();

    private readonly int _number;
    private readonly SoftwareGpuMmu _mmu;
    private readonly SoftwareGpuKernelMemory _memory;
    private readonly Thread _thread;
    private SoftwareGpuScheduler? _scheduler;
    private long _groups;

    /// <summary>Makes a unit; it runs nothing yet.</summary>
    /// <param name="number">Its number, from 0.</param>
    /// <param name="mmu">Its MMU.</param>
    internal SoftwareGpuUnit(int number, SoftwareGpuMmu mmu)
    {
        _number = number;
        _mmu = mmu;
        _memory = new SoftwareGpuKernelMemory(mmu);
        _thread = new Thread(Run) { IsBackground = true, Name = $"gpusvm-unit{number}" };
    }

    /// <summary>Its MMU.</summary>
    internal SoftwareGpuMmu Mmu => _mmu;

    /// <summary>Groups it has run.</summary>
    internal long Groups => Volatile.Read(ref _groups); // Written by its thread; any recent value will do.

    /// <summary>Whether the caller is this unit.</summary>
    internal bool IsCurrentThread => ReferenceEquals(Thread.CurrentThread, _thread);

    /// <summary>Starts its thread.</summary>
    /// <param name="scheduler">Where it gets its work.</param>
    internal void Start(SoftwareGpuScheduler scheduler)
    {
        _scheduler = scheduler;
        _thread.Start();
    }

    /// <summary>Waits until its thread has ended.</summary>
    internal void Join() => _thread.Join();

    /// <summary>The thread: takes part in launch after launch.</summary>
    private void Run()
    {
        GCHandle<SoftwareGpuKernelMemory> handle = new(_memory);
        SoftwareGpuScheduler scheduler = _scheduler!;
        while (scheduler.Join(out SoftwareGpuLaunch launch))
        {
            _memory.BeginLaunch(launch);
            _mmu.Activate(launch.Table!);
            while (launch.TryTakeGroup(out ulong group))
            {
                RunGroup(launch, group, (void*)GCHandle<SoftwareGpuKernelMemory>.ToIntPtr(handle));
                if (scheduler.HasUnserved)
                    break; // Another queue's launch has no unit.
            }

            _mmu.Deactivate();
            _memory.BeginLaunch(SoftwareGpuLaunch.None);
            scheduler.Leave(launch);
        }

        handle.Dispose();
    }

    /// <summary>Runs one group of a launch.</summary>
    private void RunGroup(SoftwareGpuLaunch launch, ulong group, void* handle)
    {
        SoftwareGpuKernelContext context = new()
        {
            Functions = _functions,
            GroupIndex = group,
            GroupCount = launch.Groups,
            Unit = (uint)_number,
            Internal = handle,
        };

        // SAFETY: whoever started the launch vouches for the function, its signature and its arguments; the context outlives the call.
        ((delegate* unmanaged<SoftwareGpuKernelContext*, void*, void>)launch.Kernel)(&context, (void*)launch.Arguments);
        _mmu.Leave(); // Windows end with the group.
        _groups++;
        if (context.Status != 0 && !launch.HasFailed)
            launch.TryFail((SvmStatus)context.Status, 0, MemoryAccess.Read, $"Group {group} ended with a status of its own: {((SvmStatus)context.Status).Describe()}.");
    }
}
