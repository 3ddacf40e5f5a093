// SPDX-License-Identifier: MIT
namespace GpuSvm;

/// <summary>What an event tells of. The words are those of NVIDIA's UVM tools where it has one.</summary>
public enum SvmEventKind
{
    /// <summary>No event; where a number asks for all kinds.</summary>
    None = 0,

    /// <summary>A CPU touch was served.</summary>
    CpuFault = 1,

    /// <summary>A GPU fault was handled, whatever came of it.</summary>
    GpuFault = 2,

    /// <summary>Pages have moved: one event for each run of addresses that came from one place.</summary>
    Migration = 3,

    /// <summary>Pages were pushed out to make room: victim, and for whom (culprit).</summary>
    Eviction = 4,

    /// <summary>Pages were brought before they were touched: a call, or what came beside a fault.</summary>
    Prefetch = 5,

    /// <summary>A waiting access was told to try again; the duration is its whole wait.</summary>
    FaultReplay = 6,

    /// <summary>A GPU fault was refused: the access fails with the status.</summary>
    FatalFault = 7,

    /// <summary>A device lost its mappings of an interval.</summary>
    Invalidation = 8,

    /// <summary>A range was mapped where it was, in RAM, although it could have moved.</summary>
    MapRemote = 9,

    /// <summary>Pages go to and fro, and the thrash policy has stepped in.</summary>
    ThrashingDetected = 10,

    /// <summary>A processor is held back from thrashing pages.</summary>
    ThrottlingStart = 11,

    /// <summary>It is not any more; the duration is how long it was.</summary>
    ThrottlingEnd = 12,

    /// <summary>The device could not note faults for want of room. The software GPU's buffer has room for every unit: only faults ahead of need are dropped.</summary>
    FaultBufferOverflow = 13,

    /// <summary>A device has often used pages that are elsewhere: whether they came for it, the cause says.</summary>
    AccessCounter = 14,

    /// <summary>Pages were copied for reading on several places. No site yet.</summary>
    ReadDuplicate = 15,

    /// <summary>Copies were given up because somebody wrote. No site yet.</summary>
    ReadDuplicateInvalidate = 16,

    /// <summary>Without faults: a running launch was about to lose the interval, so the device's launches were stopped.</summary>
    QueueStop = 17,

    /// <summary>They were resumed; the duration is how long they were stopped.</summary>
    QueueRestore = 18,
}
