// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Linux.Interop;

namespace GpuSvm.Linux;

/// <summary>
/// The threads that serve CPU faults: wait for messages, read a batch, hand each fault to the client, and see to it that the faulting thread goes on.
/// </summary>
/// <remarks>
/// A faulting thread sleeps in the kernel until a page is installed where it waits or UFFDIO_WAKE names it; it then tries its access again. So
/// a wake too many costs a little, a wake too few hangs the thread for ever. Installing wakes by itself; <see cref="NoteWoken"/> lets a fault
/// that was served by installing save the extra call. Nothing here allocates or logs.
/// </remarks>
internal sealed unsafe class CpuFaultService : IDisposable
{
    private const int Batch = 16;
    private const int MaxAttempts = 8; // At a fault that finds no memory, or whose copy fails.

    [ThreadStatic]
    private static bool _isServiceThread;

    [ThreadStatic]
    private static ulong _wokenStart;

    [ThreadStatic]
    private static ulong _wokenEnd;

    private readonly Userfaultfd _userfault;
    private readonly KnownMemory _known;
    private readonly MessageReader _reader;
    private readonly EventRescue _rescue;
    private readonly IHostMemoryClient _client;
    private readonly int? _cpu;
    private readonly int _bell;
    private readonly Thread[] _threads;
    private long _faults;
    private long _failed;

    /// <summary>Makes the threads without starting them.</summary>
    /// <param name="userfault">The heap's descriptor; not owned.</param>
    /// <param name="known">What is shared.</param>
    /// <param name="reader">Reads messages.</param>
    /// <param name="rescue">Reads events while a service thread waits for that.</param>
    /// <param name="client">Serves faults.</param>
    /// <param name="options">How many threads, and where.</param>
    internal CpuFaultService(Userfaultfd userfault, KnownMemory known, MessageReader reader, EventRescue rescue, IHostMemoryClient client, UserfaultOptions options)
    {
        _userfault = userfault;
        _known = known;
        _reader = reader;
        _rescue = rescue;
        _client = client;
        _cpu = options.ServiceCpu;
        _bell = Libc.eventfd(0, LinuxConstants.O_CLOEXEC | LinuxConstants.O_NONBLOCK);
        if (_bell < 0)
            throw new HostMemoryUnavailableException($"no descriptor is left ({Marshal.GetLastPInvokeErrorMessage()}): ulimit -n 4096.");
        _threads = new Thread[options.ServiceThreads];
        for (int i = 0; i < _threads.Length; i++)
            _threads[i] = new Thread(Run) { IsBackground = true, Name = $"gpusvm cpu faults {i}" };
    }

    /// <summary>Whether the calling thread serves faults, so that it cannot read events while it waits.</summary>
    internal static bool IsServiceThread => _isServiceThread;

    /// <summary>Faults served or refused so far.</summary>
    internal long Faults => Interlocked.Read(ref _faults); // Pairs with Serve.

    /// <summary>Faults refused so far: each ended in a signal.</summary>
    internal long FailedFaults => Interlocked.Read(ref _failed); // Pairs with Fail.

    /// <summary>Says that the calling thread has just installed pages, which woke who waited for them.</summary>
    /// <param name="start">First byte.</param>
    /// <param name="end">First byte after.</param>
    internal static void NoteWoken(ulong start, ulong end)
    {
        _wokenStart = start;
        _wokenEnd = end;
    }

    /// <summary>Starts the threads.</summary>
    internal void Start()
    {
        foreach (Thread thread in _threads)
            thread.Start();
    }

    /// <summary>Ends the threads. A fault being served is finished first.</summary>
    public void Dispose()
    {
        ulong one = 1;
        _ = Libc.write(_bell, &one, sizeof(ulong)); // SAFETY: eight bytes of this frame. Never read: the bell rings for every thread.
        foreach (Thread thread in _threads)
        {
            if ((thread.ThreadState & ThreadState.Unstarted) == 0)
                thread.Join();
        }

        _ = Libc.close(_bell);
    }

    /// <summary>The life of a service thread.</summary>
    private void Run()
    {
        _isServiceThread = true;
        if (_cpu is int cpu)
            Affinity.TryPin(cpu);

        // SAFETY: both arrays live on this thread's stack for the thread's whole life.
        UffdMsg* messages = stackalloc UffdMsg[Batch];
        PollFd* descriptors = stackalloc PollFd[2];
        descriptors[0] = new PollFd { Descriptor = _userfault.Descriptor, Events = LinuxConstants.POLLIN };
        descriptors[1] = new PollFd { Descriptor = _bell, Events = LinuxConstants.POLLIN };
        while (true)
        {
            // Poll says that there is something; only the read inside the gate says what. Another thread may have taken it meanwhile.
            descriptors[0].ReturnedEvents = 0;
            descriptors[1].ReturnedEvents = 0;
            if (Libc.poll(descriptors, 2, -1) < 0)
                continue;
            if (descriptors[1].ReturnedEvents != 0)
                return;
            _ = _reader.Read(messages, Batch, out int faults);
            for (int i = 0; i < faults; i++)
                Serve(in messages[i]);
        }
    }

    /// <summary>Serves one fault.</summary>
    /// <param name="message">The kernel's message.</param>
    private void Serve(in UffdMsg message)
    {
        Interlocked.Increment(ref _faults);
        const ulong Writes = UserfaultConstants.UFFD_PAGEFAULT_FLAG_WRITE | UserfaultConstants.UFFD_PAGEFAULT_FLAG_WP;
        MemoryAccess access = (message.FaultFlags & Writes) != 0 ? MemoryAccess.Write : MemoryAccess.Read;
        ulong address = message.FaultAddress;
        ulong page = address & ~((ulong)PageSize.Bytes - 1);
        _wokenEnd = 0;
        if (!_known.Covers(AddressRange.OfPages(new VirtualAddress(page), 1)))
            _known.Learn(new VirtualAddress(page));
        SvmStatus status = _client.CpuFault(new VirtualAddress(address), access);
        for (int attempt = 1; attempt < MaxAttempts && (status.IsExhausted() || status == SvmStatus.CopyFailed); attempt++)
        {
            Thread.Sleep(1); // A refusal ends the program, and a shortage may pass. The kernel, too, faults again rather than end it.
            status = _client.CpuFault(new VirtualAddress(address), access);
        }

        switch (status)
        {
            case SvmStatus.Done:
                if (page < _wokenStart || page >= _wokenEnd)
                    _ = _userfault.Wake(page, PageSize.Bytes);
                break;
            case SvmStatus.Retry or SvmStatus.NotMapped or SvmStatus.Unmapped:
                // The thread touches again, and a new message comes, if its memory is there. What is not mapped is not marked: the message may be older than the touch: whoever waited was woken by another's work, went on, and the memory has been freed since. A mark
                // here would meet the next owner of the address. Whoever does wait touches again, and the kernel has the signal for memory that is gone.
                _ = _userfault.Wake(page, PageSize.Bytes);
                break;
            case SvmStatus.Busy:
                break; // The end of the migration wakes it. It already waits, since we have its message: the wake cannot come too early.
            default:
                Fail(page, message.FaultThread);
                break;
        }
    }

    /// <summary>Lets an access fail as the platform does it: SIGBUS at the touching thread. The page stays bad until it is discarded or
    /// freed.</summary>
    /// <param name="page">The page.</param>
    /// <param name="thread">The thread that touched it.</param>
    private void Fail(ulong page, uint thread)
    {
        Interlocked.Increment(ref _failed);
        var wait = new PendingEventWait(_rescue, isPatient: true);
        int error;
        do
        {
            error = _userfault.Poison(page, PageSize.Bytes);
        }
        while (error == Errno.EAGAIN && wait.Again());
        if (error == 0)
        {
            _known.Heap.SetTable(page, page + PageSize.Bytes);
            return;
        }

        // A page that is there cannot be poisoned (a write to a protected page was refused), and must keep its bytes. An unmapped one needs no
        // signal of ours.
        if (error == Errno.EEXIST)
            _ = Libc.tgkill(Environment.ProcessId, (int)thread, LinuxConstants.SIGBUS);
        _ = _userfault.Wake(page, PageSize.Bytes);
    }
}
