// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;

namespace GpuSvm;

/// <summary>
/// Carries a kernel in managed code across the native boundary: the library calls <see cref="Run"/> with a handle to this object as the arguments.
/// </summary>
/// <remarks>The first exception of any group is kept for <see cref="Launch"/>; no exception ever crosses into the library. A group allocates nothing here.</remarks>
internal abstract unsafe class ManagedKernel
{
    [ThreadStatic]
    private static bool _inside;

    private GCHandle _handle;
    private Exception? _exception;

    /// <summary>Pins the kernel's life to this object until <see cref="Release"/>.</summary>
    /// <param name="space">What it runs over.</param>
    protected ManagedKernel(IndexSpace space)
    {
        Space = space;
        _handle = GCHandle.Alloc(this);
    }

    /// <summary>What it runs over.</summary>
    public IndexSpace Space { get; }

    /// <summary>Whether the calling thread runs a managed kernel: it must not wait for launches, for its own is one of them.</summary>
    public static bool IsInside => _inside;

    /// <summary>The address to launch.</summary>
    public static delegate* unmanaged<KernelContextData*, void*, void> EntryPoint => &Run;

    /// <summary>The arguments to launch it with.</summary>
    public void* Arguments => (void*)GCHandle.ToIntPtr(_handle);

    /// <summary>What the first failing group threw, or null.</summary>
    public Exception? Exception => Volatile.Read(ref _exception); // pairs with the exchange in Record

    /// <summary>Lets the garbage collector have the body; called once the launch has ended.</summary>
    public void Release() => _handle.Free();

    /// <summary>Runs one group.</summary>
    /// <param name="context">The group.</param>
    protected abstract void Invoke(KernelContext context);

    /// <summary>Runs one group on a compute unit's thread.</summary>
    /// <param name="context">The library's context; lives as long as the group.</param>
    /// <param name="arguments">The handle to a <see cref="ManagedKernel"/>.</param>
    [UnmanagedCallersOnly]
    private static void Run(KernelContextData* context, void* arguments)
    {
        // SAFETY: the handle is freed only after the launch has ended, and it has not while a group runs.
        var kernel = (ManagedKernel)GCHandle.FromIntPtr((nint)arguments).Target!;
        _inside = true;
        try
        {
            kernel.Invoke(new KernelContext(context, kernel));
        }
        catch (KernelAbortException)
        {
            // The library knows the status and the address of the access that failed.
        }
#pragma warning disable CA1031 // Nothing may cross the native boundary; the exception comes out of Launch.Wait.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            kernel.Record(exception, new KernelContext(context));
        }
        finally
        {
            _inside = false;
        }
    }

    /// <summary>Keeps the first exception and fails the launch with its sentence.</summary>
    /// <param name="exception">What a group threw.</param>
    /// <param name="context">The group.</param>
    private void Record(Exception exception, KernelContext context)
    {
        Interlocked.CompareExchange(ref _exception, exception, null);
        context.Fail($"{exception.GetType().Name}: {exception.Message}");
    }
}
