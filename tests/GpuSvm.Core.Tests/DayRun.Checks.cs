// SPDX-License-Identifier: MIT
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Vm;

namespace GpuSvm.Core.Tests;

/// <content>Jobs, queries, and the comparison of everything.</content>
internal sealed partial class DayRun
{
    private void Job(in DayOperation operation)
    {
        MemoryAccess access = (operation.Value & 3) switch { 0 => MemoryAccess.Atomic, 1 => MemoryAccess.Read, _ => MemoryAccess.Write };
        JobMemory[] memory = [new(Where(operation), access), new(Part(_area, operation.Value % AreaPages, 1 + (operation.Pages / 4)), MemoryAccess.Read)];
        _what = $"a job for {access} of {memory[0].Interval} and reading of {memory[1].Interval}";
        GpuVm vm = _machine.Vms[DayMachine.JobVm];
        SvmStatus status = vm.BeginJob(memory, out GpuJob? job, out VirtualAddress failedAt);
        _what += $": {status} {failedAt}";
        SvmStatus expected = ExpectJob(memory[0]);
        SvmStatus second = ExpectJob(memory[1]);
        if (status != second || expected == SvmStatus.Done)
            _ = Expect(status, expected == SvmStatus.Done ? second : expected, "begin job");
        if (status != SvmStatus.Done)
            return;
        UseJobMemory(memory[0], operation.Value);
        UseJobMemory(memory[1], operation.Value);
        if (_armed is null && (operation.Value & 12) == 0)
            Disturb(job!, memory[0]);
        Assert.Equal(SvmStatus.Done, vm.EndJob(job!));
    }

    /// <summary>The program writes what a job reads: its queues stop, and it goes on with the new bytes.</summary>
    private void Disturb(GpuJob job, JobMemory memory)
    {
        byte[] bytes = [1, 2, 3, 4];
        for (VirtualAddress at = memory.Interval.Start; at < memory.Interval.End; at += 7L * PageSize.Bytes)
        {
            SvmStatus status = _machine.Memory.CpuWrite(at, bytes);
            Assert.Equal(_model.Expect(at, isWrite: true), status);
            if (status == SvmStatus.Done)
                _model.Bytes.Write(at, bytes);
        }

        Assert.True(
            SpinWait.SpinUntil(() => job.Status != SvmStatus.Done || Pages().All(at => _machine.TryTranslate(DayMachine.JobVm, 0, at, memory.Access, out _)), 30_000), "a job is not restored");
        Assert.Equal(SvmStatus.Done, job.Status);
        UseJobMemory(memory, 5);

        IEnumerable<VirtualAddress> Pages()
        {
            for (VirtualAddress at = memory.Interval.Start; at < memory.Interval.End; at += PageSize.Bytes)
                yield return at;
        }
    }

    private void UseJobMemory(JobMemory memory, int value)
    {
        for (VirtualAddress at = memory.Interval.Start; at < memory.Interval.End; at += PageSize.Bytes)
        {
            Assert.True(
                _machine.TryTranslate(DayMachine.JobVm, 0, at, memory.Access == MemoryAccess.Atomic ? MemoryAccess.Write : memory.Access, out Span<byte> there), $"a job cannot reach {at}");
            if (memory.Access != MemoryAccess.Read && (at.PageNumber + (ulong)value) % 5 == 0)
            {
                there[(value & 0x7FF)..][..50].Fill((byte)value);
                _model.Bytes.Write(at, there);
            }

            Compare(at, there, "a job");
        }
    }

    private SvmStatus ExpectJob(JobMemory memory)
    {
        SvmStatus expected = SvmStatus.Done;
        for (VirtualAddress at = memory.Interval.Start; at < memory.Interval.End && expected == SvmStatus.Done; at += PageSize.Bytes)
            expected = _model.Expect(DayMachine.JobVm, 0, at, memory.Access);
        return expected;
    }

    private void Query(in DayOperation operation)
    {
        AddressRange interval = Where(operation);
        var runs = new List<MemoryRun>();
        _what = $"query VM {operation.Place} of {interval}";
        if (!Expect(_machine.Vms[operation.Place].Query(interval, runs), SvmStatus.Done, "query"))
            return;
        VirtualAddress next = interval.Start;
        foreach (MemoryRun run in runs)
        {
            Assert.Equal(next, run.Interval.Start);
            next = run.Interval.End;
            for (VirtualAddress at = run.Interval.Start; at < next; at += PageSize.Bytes)
            {
                Assert.True(_model.Advice(operation.Place, at) == run.Advice, $"{at} was not advised {run.Advice}");
                Assert.True(_model.IsMapped(at) == (run.Place != PagePlace.Unmapped), $"{at} is {run.Place}");
                Assert.True(run.Place is not (PagePlace.Nowhere or PagePlace.Zero) || _model.IsZero(at), $"{at} is {run.Place} and was written");
                Assert.NotEqual(PagePlace.Moving, run.Place);
            }
        }

        Assert.Equal(interval.End, next);
    }

    /// <summary>Compares every mapped byte, as one side reads it.</summary>
    /// <param name="side">0 for the CPU, 1 to 3 for a device.</param>
    private void CompareAll(int side)
    {
        _what = $"compare everything from side {side}";
        foreach (AddressRange interval in (AddressRange[])[_area, .. _allocations])
        {
            for (VirtualAddress at = interval.Start; at < interval.End; at += PageSize.Bytes)
            {
                if (_model.IsMapped(at))
                    ComparePage(side, at);
            }
        }
    }

    private void ComparePage(int side, VirtualAddress page)
    {
        Span<byte> bytes = stackalloc byte[PageSize.Bytes];
        if (side == 0)
        {
            Assert.Equal(SvmStatus.Done, _machine.Memory.CpuRead(page, bytes));
            Compare(page, bytes, "the CPU");
            return;
        }

        (int vm, int device) = _machine.At(side - 1);
        if (TryReach(vm, device, page, MemoryAccess.Read, out Span<byte> there))
            Compare(page, there, $"VM {vm} device {device}");
    }
}
