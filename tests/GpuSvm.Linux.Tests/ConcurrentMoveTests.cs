// SPDX-License-Identifier: MIT
using System.Runtime.InteropServices;
using GpuSvm.Conformance;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;
using GpuSvm.Core.Device;
using GpuSvm.Core.Host;

namespace GpuSvm.Linux.Tests;

/// <summary>Two threads that take parts of one huge page at the same time: the kernel splits it twice, and may say of a move that it did nothing although it did all.</summary>
public sealed class ConcurrentMoveTests
{
    private const int Rounds = 400;

    [Fact]
    public void PartsOfOneHugePageDetachedAtOnceBothArriveWhole()
    {
        using UserfaultHostMemory memory = RealMemory.Open();
        using var host = new HostAddressSpace(memory);
        byte[] pattern = new byte[PageSize.HugeBytes];
        new Random(1).NextBytes(pattern);
        using var together = new Barrier(2);
        for (int round = 0; round < Rounds; round++)
        {
            Assert.Equal(SvmStatus.Done, memory.Allocate(PageSize.HugeBytes, out AddressRange block));
            Assert.Equal(SvmStatus.Done, memory.Populate(block, MemoryAccess.Write));
            Assert.Equal(SvmStatus.Done, memory.Write(block.Start, pattern));
            string?[] errors = new string?[2];
            var other = new Thread(() => errors[1] = DetachAndCompare(memory, block, 1 + (round % 31), pattern, together));
            other.Start();
            errors[0] = DetachAndCompare(memory, block, 0, pattern, together);
            other.Join();
            Assert.True(errors[0] is null && errors[1] is null, $"round {round}: {errors[0]} {errors[1]}");
            byte[] back = new byte[PageSize.HugeBytes];
            Assert.Equal(SvmStatus.Done, memory.Read(block.Start, back));
            Assert.True(back.AsSpan().SequenceEqual(pattern), $"round {round}: other bytes came back");
            Assert.Equal(SvmStatus.Done, memory.Free(block));
        }
    }

    /// <summary>Takes 64 KiB out, looks at them in staging, and gives them back.</summary>
    private static string? DetachAndCompare(UserfaultHostMemory memory, AddressRange block, int part, byte[] pattern, Barrier together)
    {
        long offset = part * PageOrder.Medium.Bytes;
        AddressRange interval = AddressRange.OfBytes(block.Start + offset, PageOrder.Medium.Bytes);
        HostStaging staging = memory.AcquireStaging(interval, forAttach: false)!;
        together.SignalAndWait();
        SvmStatus status = memory.Detach(interval, staging);
        string? error = status == SvmStatus.Done ? null : $"detach of part {part} answered {status}.";
        if (error is null && (!staging.IsPresent(0) || staging.RunLength(0, 16) != 16))
            error = $"part {part} lost pages.";
        byte[] bytes = new byte[PageOrder.Medium.Bytes];
        if (error is null)
        {
            Marshal.Copy(staging.Pointer.Value, bytes, 0, bytes.Length);
            if (!bytes.AsSpan().SequenceEqual(pattern.AsSpan((int)offset, bytes.Length)))
                error = $"part {part} holds other bytes.";
            status = memory.Attach(interval, staging, writable: true);
            error ??= status == SvmStatus.Done ? null : $"attach of part {part} answered {status}.";
        }

        memory.ReleaseStaging(staging);
        return error;
    }
}
