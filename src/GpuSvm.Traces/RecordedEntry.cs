// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Diagnostics;
using GpuSvm.Core.Vm;

namespace GpuSvm.Traces;

/// <summary>A record on its way to the writer of a <see cref="RunRecorder"/>: all kinds in one shape, for one ring. Fields that a kind has no word for are told of where it is made and written.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Fields">Address, bytes, time and places; of an event, the event.</param>
/// <param name="More">A kernel's name, or the advice.</param>
internal readonly record struct RecordedEntry(TraceRecordKind Kind, SvmEvent Fields, object? More = null)
{
    private const ulong FirstDeviceAddress = 1UL << 47; // From here on lie the devices' windows, which no program's thread knows.

    /// <summary>Writes it.</summary>
    /// <param name="sink">Where to.</param>
    /// <param name="start">The time that the trace began at.</param>
    public void WriteTo(ITraceSink sink, long start)
    {
        long time = Fields.Timestamp - start;
        AddressRange interval = Kind == TraceRecordKind.Kernel ? default : AddressRange.OfBytes(Fields.Address, Fields.Bytes);
        switch (Kind)
        {
            case TraceRecordKind.Event:
                sink.Event(Fields with { Timestamp = time });
                if (Fields.Status == SvmStatus.Done && Fields.Address.Value < FirstDeviceAddress && FaultsAsAccesses.TryConvert(Fields, out TraceAccess access))
                    sink.Access(access with { Time = time });
                break;
            case TraceRecordKind.Access when Fields.Address.Value < FirstDeviceAddress:
                sink.Access(new TraceAccess(Fields.Address, (int)Fields.Bytes, Fields.Access, TraceAgent.Device(Fields.To)) { Time = time });
                break;
            case TraceRecordKind.Kernel:
                sink.Kernel(new TraceKernel(Fields.Bytes, Fields.To, Fields.From != 0, (string)More!) { Time = time });
                break;
            case TraceRecordKind.Mapping:
                sink.Mapping(new TraceMapping(interval, Fields.From != 0) { Time = time });
                break;
            case TraceRecordKind.Residence:
                sink.Resident(new TraceResidence(interval, Fields.To) { Time = time });
                break;
            case TraceRecordKind.Advice:
                sink.Advice(new TraceAdvice(interval, (MemoryAdvice)More!) { Time = time });
                break;
            case TraceRecordKind.Prefetch:
                sink.Prefetch(new TracePrefetch(interval, Fields.To) { Time = time });
                break;
            case TraceRecordKind.Bind:
                sink.Bind(new TraceBind(interval, Fields.To, Fields.From, Fields.Access != Core.Device.MemoryAccess.Read) { Time = time });
                break;
        }
    }
}
