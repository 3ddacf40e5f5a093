// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Report;

/// <summary>What was done to some memory, for JSON.</summary>
/// <param name="Name">Its name, or its addresses.</param>
/// <param name="Bytes">How much was mapped at once, at most.</param>
/// <param name="DeviceAccesses">Accesses of devices.</param>
/// <param name="DeviceWrites">Of these, those that wrote.</param>
/// <param name="CpuAccesses">Accesses of CPU threads.</param>
/// <param name="MovedBytes">Bytes that moved, to devices and back.</param>
/// <param name="Faults">Faults of devices and CPU threads.</param>
internal sealed record AdvisedMemoryReport(string Name, long Bytes, long DeviceAccesses, long DeviceWrites, long CpuAccesses, long MovedBytes, long Faults);
