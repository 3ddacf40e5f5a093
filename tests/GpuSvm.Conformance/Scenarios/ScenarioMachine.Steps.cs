// SPDX-License-Identifier: MIT
using GpuSvm.Conformance.Races;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;
using GpuSvm.Core.Vm;

namespace GpuSvm.Conformance.Scenarios;

/// <content>Accesses, migrations and expectations.</content>
public sealed partial class ScenarioMachine
{
    /// <summary>The program or a device touches memory.</summary>
    /// <param name="step">The step.</param>
    private void Touch(Step step)
    {
        switch (step)
        {
            case Step.CpuWrite write:
                Each(write.Where, write.Every, write.Offset, at => Write(at, at, write.Seed, value => _machine.Store(at, value)));
                break;
            case Step.CpuRead read:
                Each(read.Where, read.Every, read.Offset, at => Same(at, at, _machine.Load(at), "the CPU"));
                break;
            case Step.GpuWrite write:
                Each(write.Where, write.Every, write.Offset, at => Write(at, at, write.Seed, value => Gpu(write.Gpu).Store(at, value)));
                break;
            case Step.GpuRead read:
                Each(read.Where, read.Every, read.Offset, at => Same(at, at, Gpu(read.Gpu).Load(at), $"GPU {read.Gpu}"));
                break;
            case Step.GpuAdd add:
                Each(add.Where, add.Every, add.Offset, at => Add(at, add));
                break;
            case Step.GpuCopy copy:
                VirtualAddress from = Of(copy.From).Start, to = Of(copy.To).Start;
                Each(copy.From, 4096, 0, at =>
                {
                    long value = Gpu(copy.Gpu).Load(at);
                    Gpu(copy.Gpu).Store(to + (at - from), value);
                    Put(to + (at - from), value);
                });
                break;
            case Step.GpuRefused refused:
                Each(refused.Where, 4096, 0, at => Assert.True(
                    Gpu(refused.Gpu).Fault(at, refused.Access) is var status && status == refused.Status, $"the fault at {at} was answered with {status}"));
                break;
            default:
                throw new InvalidOperationException($"No such step: {step}");
        }
    }

    /// <summary>Does something every so many bytes of a part.</summary>
    /// <param name="part">The part.</param>
    /// <param name="every">Bytes from one to the next.</param>
    /// <param name="offset">Bytes before the first.</param>
    /// <param name="action">What.</param>
    private void Each(Part part, int every, int offset, Action<VirtualAddress> action)
    {
        AddressRange interval = Of(part);
        Assert.False(interval.IsEmpty);
        for (VirtualAddress at = interval.Start + offset; at < interval.End; at += every)
            action(at);
    }

    /// <summary>Stores a number that differs by place and seed.</summary>
    /// <param name="place">Where the reference model has it.</param>
    /// <param name="shown">Where it is stored.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="store">Stores it.</param>
    private void Write(VirtualAddress place, VirtualAddress shown, int seed, Action<long> store)
    {
        long value = (long)(shown.Value * 31) + ((long)seed << 56);
        store(value);
        Put(place, value);
    }

    /// <summary>Stores a number in the reference model.</summary>
    /// <param name="at">Where.</param>
    /// <param name="value">The number.</param>
    private void Put(VirtualAddress at, long value)
    {
        lock (_gate)
            _reference.Write(at, BitConverter.GetBytes(value));
    }

    /// <summary>The number that the reference model has.</summary>
    /// <param name="at">Where.</param>
    /// <returns>The number.</returns>
    private long Known(VirtualAddress at)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        lock (_gate)
            _reference.Read(at, bytes);
        return BitConverter.ToInt64(bytes);
    }

    /// <summary>Compares a number that was loaded.</summary>
    /// <param name="place">Where the reference model has it.</param>
    /// <param name="shown">Where it was loaded.</param>
    /// <param name="value">The number.</param>
    /// <param name="who">Who has loaded it.</param>
    private void Same(VirtualAddress place, VirtualAddress shown, long value, string who)
    {
        long known = Known(place);
        Assert.True(known == value, $"at {shown} {who} reads 0x{value:x}, the model 0x{known:x}");
    }

    /// <summary>Adds as a device, with the right to do that atomically.</summary>
    /// <param name="at">Where.</param>
    /// <param name="step">The step.</param>
    private void Add(VirtualAddress at, Step.GpuAdd step)
    {
        RaceGpu gpu = Gpu(step.Gpu);
        if (!gpu.Lookup(at).AllowsAtomics)
            Assert.True(gpu.Fault(at, MemoryAccess.Atomic) is var status && status == SvmStatus.Done, $"the atomic fault at {at} was answered with {status}");
        Assert.True(gpu.Lookup(at).AllowsAtomics, $"the device got no right to atomics at {at}");
        long value = gpu.Load(at) + step.Amount;
        gpu.Store(at, value);
        long known = Known(at) + step.Amount;
        Assert.True(known == value, $"at {at} the sum is 0x{value:x}, the model's 0x{known:x}");
        Put(at, value);
    }

    /// <summary>Pages are sent somewhere, or the program says where they ought to be.</summary>
    /// <param name="step">The step.</param>
    private void Steer(Step step)
    {
        switch (step)
        {
            case Step.Prefetch prefetch:
                Prefetched(Of(prefetch.Where), PrefetchTarget.Device, prefetch.Gpu, prefetch.MovedPages, prefetch.TherePages);
                break;
            case Step.PrefetchHome home:
                Prefetched(Of(home.Where), PrefetchTarget.System, 0, home.MovedPages, home.TherePages);
                break;
            case Step.PrefetchRefused refused:
                Assert.Equal(refused.Status, Gpu(0).Vm.Prefetch(Of(refused.Where), PrefetchTarget.Device, out _));
                break;
            case Step.Evict evict:
                Assert.Equal(SvmStatus.Done, Gpu(evict.Gpu).Pagemap.EvictAll(MigrationCause.Eviction));
                break;
            case Step.Advise advise:
                Assert.Equal(SvmStatus.Done, Gpu(advise.Gpu).Vm.Advise(Of(advise.Where), _ => advise.Advice));
                break;
        }
    }

    /// <summary>Prefetches, and compares what is said of it.</summary>
    /// <param name="interval">The pages.</param>
    /// <param name="target">Where to.</param>
    /// <param name="gpu">The device.</param>
    /// <param name="moved">Pages that must have moved.</param>
    /// <param name="there">Pages that must have been there.</param>
    private void Prefetched(AddressRange interval, PrefetchTarget target, int gpu, int moved, int there)
    {
        _machine.WaitUntilQuiet();
        SvmStatus status = Gpu(gpu).Vm.Prefetch(interval, target, out PrefetchResult result, Gpu(gpu).Number);
        Assert.True(status == SvmStatus.Done, $"the prefetch of {interval} was answered with {status}");
        Assert.Equal(
            new PrefetchResult(interval.Bytes, (long)there << PageSize.Shift, (long)moved << PageSize.Shift, 0), result);
    }

    /// <summary>Looks whether something is as it should be.</summary>
    /// <param name="step">The step.</param>
    private void Expect(Step step)
    {
        switch (step)
        {
            case Step.Advised advised:
                foreach (MemoryRun run in Query(advised.Where, advised.Gpu))
                    Assert.True(run.Advice == advised.Advice, $"{run.Interval} is advised {run.Advice}");
                break;
            case Step.Placed placed:
                foreach (MemoryRun run in Query(placed.Where, placed.Gpu))
                {
                    bool isHere = run.Place == placed.Place && (run.Place != PagePlace.Device || run.Device == Gpu(placed.Gpu).Number);
                    Assert.True(isHere, $"{run.Interval} is {run.Place}, device {run.Device}");
                }

                break;
            case Step.Faults faults:
                GpuVm vm = Gpu(faults.Gpu).Vm;
                long before = _faults.GetValueOrDefault(vm), now = vm.Counters.Faults;
                _faults[vm] = now;
                Assert.True(now - before == faults.Count, $"{now - before} faults, expected {faults.Count}");
                break;
            case Step.Evicted evicted:
                Assert.True(Gpu(evicted.Gpu).Pagemap.Counters.Evictions > 0, "nothing has left the device");
                break;
        }
    }

    /// <summary>What is said of a part.</summary>
    /// <param name="part">The part.</param>
    /// <param name="gpu">Whose address space is asked.</param>
    /// <returns>The runs.</returns>
    private List<MemoryRun> Query(Part part, int gpu)
    {
        var runs = new List<MemoryRun>();
        Assert.Equal(SvmStatus.Done, Gpu(gpu).Vm.Query(Of(part), runs));
        Assert.NotEmpty(runs);
        return runs;
    }

    /// <summary>Steps with user pointers; each is shown a terabyte behind the one before, above the mirror of the CPU's addresses.</summary>
    /// <param name="step">The step.</param>
    private void UseUserptr(Step step)
    {
        switch (step)
        {
            case Step.Bind bind:
                var shown = new VirtualAddress((1UL << 47) + ((ulong)_userptrs.Count << 40));
                Assert.Equal(SvmStatus.Done, Gpu(0).Vm.BindUserptr(Of(bind.Where), shown, bind.ReadOnly, out GpuUserptr? userptr));
                _userptrs.Add(bind.Where, userptr!);
                break;
            case Step.Unbind unbind:
                Assert.Equal(SvmStatus.Done, Gpu(0).Vm.UnbindUserptr(_userptrs[unbind.Where]));
                GpuUserptr gone = _userptrs[unbind.Where];
                _userptrs.Remove(unbind.Where);
                Assert.Equal(SvmStatus.InvalidHandle, Gpu(0).Vm.UnbindUserptr(gone));
                Assert.Equal(SvmStatus.NotMapped, Gpu(0).Fault(gone.GpuInterval.Start));
                break;
            case Step.Validate validate:
                Assert.Equal(validate.Status, _userptrs[validate.Where].Validate(0));
                break;
            case Step.UserptrWrite write:
                GpuUserptr target = Valid(write.Where);
                Each(write.Where, 4096, 0, at => Write(at, Shown(target, at), write.Seed, value => Gpu(0).Store(Shown(target, at), value)));
                break;
            case Step.UserptrRead read:
                GpuUserptr source = Valid(read.Where);
                Each(read.Where, 4096, 0, at => Same(at, Shown(source, at), Gpu(0).Load(Shown(source, at)), "GPU 0"));
                break;
        }
    }

    /// <summary>A user pointer that devices can use.</summary>
    /// <param name="part">What it shows.</param>
    /// <returns>The user pointer.</returns>
    private GpuUserptr Valid(Part part)
    {
        Assert.Equal(SvmStatus.Done, _userptrs[part].Validate(0));
        return _userptrs[part];
    }

    /// <summary>The device address of a byte behind a user pointer.</summary>
    /// <param name="userptr">The user pointer.</param>
    /// <param name="at">The program's address.</param>
    /// <returns>The device's.</returns>
    private static VirtualAddress Shown(GpuUserptr userptr, VirtualAddress at) => userptr.GpuInterval.Start + (at - userptr.Interval.Start);
}
