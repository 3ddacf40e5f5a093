// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Core;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Faults;
using GpuSvm.Native.Abi;

namespace GpuSvm.Native;

/// <summary>The functions of gpusvm.h by which a program observes its memory: histograms and streams of events. The rules of <see cref="Exports"/> hold.</summary>
internal static unsafe class EventExports
{
    private const int DefaultCapacity = 1 << 16;
    private const int Batch = 64;

    /// <summary>int32_t gpusvm_read_histogram(gpusvm_memory memory, uint32_t kind, gpusvm_histogram* histogram).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_read_histogram")]
    public static int ReadHistogram(ulong memory, uint kind, HistogramStruct* histogram)
    {
        try
        {
            if (histogram == null || histogram->StructBytes != sizeof(HistogramStruct))
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_read_histogram: pass a gpusvm_histogram with struct_bytes set to its size.");
            if (!Handles.Memories.TryBorrow(memory, out HandleTable<Session>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMemory);
            using (lease)
                histogram->Fill((HistogramKind)kind, lease.Value.HistogramOf((HistogramKind)kind));
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_take_failed_faults(gpusvm_memory memory, gpusvm_failed_fault* buffer, uint32_t fault_bytes, uint64_t count, uint64_t* taken, uint64_t* dropped).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_take_failed_faults")]
    public static int TakeFailedFaults(ulong memory, FailedFaultStruct* buffer, uint faultBytes, ulong count, ulong* taken, ulong* dropped)
    {
        try
        {
            if (taken == null || dropped == null || (buffer == null && count > 0))
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_take_failed_faults: buffer, taken and dropped must not be NULL.");
            (*taken, *dropped) = (0, 0);
            if (faultBytes != sizeof(FailedFaultStruct))
                return LastError.Set(SvmStatus.InvalidArgument, $"gpusvm_take_failed_faults: fault_bytes is {faultBytes}, this library's gpusvm_failed_fault has {sizeof(FailedFaultStruct)}: compile against this version's gpusvm.h.");
            if (!Handles.Memories.TryBorrow(memory, out HandleTable<Session>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMemory);
            using (lease)
            {
                Span<FailedFault> faults = stackalloc FailedFault[FailedFaults.Capacity];
                int got = lease.Value.FailedFaults.Take(faults[..(int)Math.Min((ulong)faults.Length, count)], out long lost);
                for (int i = 0; i < got; i++)
                    buffer[i] = FailedFaultStruct.Of(faults[i]); // SAFETY: the caller says that the buffer has room for count faults.
                (*taken, *dropped) = ((ulong)got, (ulong)lost);
            }

            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_events_open(gpusvm_memory memory, uint32_t capacity, gpusvm_events* events).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_events_open")]
    public static int Open(ulong memory, uint capacity, ulong* events)
    {
        try
        {
            if (events == null)
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_events_open: events is NULL; pass the address of a gpusvm_events.");
            *events = 0;
            if (capacity > SvmEvents.MaxCapacity)
                return LastError.Set(SvmStatus.InvalidArgument, $"gpusvm_events_open: a capacity of {capacity} events is not possible: choose 1 to {SvmEvents.MaxCapacity}, or 0 for {DefaultCapacity}.");
            if (!Handles.Memories.TryBorrow(memory, out HandleTable<Session>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoMemory);
            using (lease)
                *events = lease.Value.OpenEvents(capacity == 0 ? DefaultCapacity : (int)capacity);
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_events_read(gpusvm_events events, gpusvm_event* buffer, uint32_t event_bytes, uint64_t count, uint64_t* read).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_events_read")]
    public static int Read(ulong events, EventStruct* buffer, uint eventBytes, ulong count, ulong* read)
    {
        try
        {
            if (read == null || (buffer == null && count > 0))
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_events_read: buffer and read must not be NULL.");
            *read = 0;
            if (eventBytes != sizeof(EventStruct))
                return LastError.Set(SvmStatus.InvalidArgument, $"gpusvm_events_read: event_bytes is {eventBytes}, this library's gpusvm_event has {sizeof(EventStruct)}: compile against this version's gpusvm.h.");
            if (!Handles.Events.TryBorrow(events, out HandleTable<SessionEvents>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoEvents);
            using (lease)
            {
                Span<SvmEvent> batch = stackalloc SvmEvent[Batch];
                for (int taken = Batch; taken == Batch && *read < count;)
                {
                    taken = lease.Value.Stream.Read(batch[..(int)Math.Min(Batch, count - *read)]);
                    for (int i = 0; i < taken; i++)
                        buffer[(*read)++] = EventStruct.Of(batch[i]); // SAFETY: the caller says that the buffer has room for count events.
                }
            }

            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_events_dropped(gpusvm_events events, uint32_t kind, uint64_t* dropped).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_events_dropped")]
    public static int Dropped(ulong events, uint kind, ulong* dropped)
    {
        try
        {
            if (dropped == null)
                return LastError.Set(SvmStatus.InvalidArgument, "gpusvm_events_dropped: dropped is NULL; pass the address of a number.");
            *dropped = 0;
            if (kind >= SvmEventStream.Kinds)
                return LastError.Set(SvmStatus.InvalidArgument, $"gpusvm_events_dropped: there is no kind {kind} of events: they are 1 to {SvmEventStream.Kinds - 1}, and 0 for all.");
            if (!Handles.Events.TryBorrow(events, out HandleTable<SessionEvents>.Lease lease))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoEvents);
            using (lease)
                *dropped = (ulong)lease.Value.Stream.Dropped((SvmEventKind)kind);
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }

    /// <summary>int32_t gpusvm_events_close(gpusvm_events events).</summary>
    [UnmanagedCallersOnly(EntryPoint = "gpusvm_events_close")]
    public static int Close(ulong events)
    {
        try
        {
            if (!Handles.Events.RemoveAndDrain(events, out SessionEvents? stream, static _ => { }))
                return LastError.Set(SvmStatus.InvalidHandle, Handles.NoEvents);
            stream.Owner.CloseEvents(events, stream.Stream);
            return (int)SvmStatus.Done;
        }
        catch (Exception exception)
        {
            return LastError.Set(exception);
        }
    }
}
