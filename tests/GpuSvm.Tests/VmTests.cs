// SPDX-License-Identifier: MIT
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace GpuSvm.Tests;

/// <summary>Several GPU address spaces over one memory.</summary>
public sealed class VmTests
{
    [Theory]
    [InlineData(MemoryKind.Real)]
    [InlineData(MemoryKind.Portable)]
    public async Task AddressSpacesCountTogetherAndComeAndGo(MemoryKind kind)
    {
        using SharedMemory memory = TwoDevices.Open(kind);
        using SharedArray<long> array = memory.Allocate<long>(1000);
        using Launch first = memory.Launch(context => context.AtomicAdd(array, 0, 1), 100);
        for (int round = 0; round < 3; round++)
        {
            await using SharedVm one = memory.CreateVm();
            using SharedVm other = memory.CreateVm();
            Assert.Same(memory, other.Memory);
            KernelQueue queue = other.CreateQueue(1);
            Assert.Equal(1, queue.Device);
            _ = one.Launch(context => context.AtomicAdd(array, 0, 1), 100); // Disposing waits for it.
            using Launch second = queue.Launch(context => context.AtomicAdd(array, 0, 1), 100);
            using Launch last = one.Launch(Add, new AddArguments(array, 1000), new IndexSpace(1), after: [second]);
            last.Wait();
        }

        first.Wait();
        Assert.Equal(100 + (3 * (200 + 1000)), array[0]);
        memory.CheckInvariants();
    }

    [Fact]
    public void AdviceIsAnAddressSpacesOwn()
    {
        using SharedMemory memory = TwoDevices.Open(MemoryKind.Real);
        using SharedArray<long> array = memory.Allocate<long>(512);
        using SharedVm strict = memory.CreateVm();
        using SharedVm easy = memory.CreateVm();
        strict.Advise(array, new MemoryAdvice { Atomics = AtomicMode.System });
        using (Launch refused = strict.Launch(context => context.AtomicAdd(array, 0, 1), 1))
            Assert.Equal(StatusCode.AccessDenied, Assert.Throws<KernelAccessException>(refused.Wait).Status);
        using (Launch done = easy.Launch(context => context.AtomicAdd(array, 0, 1), 1))
            done.Wait();
        Assert.Equal(1, array[0]);
    }

    [Theory]
    [InlineData(MemoryKind.Real)]
    [InlineData(MemoryKind.Portable)]
    public void WhatIsDisposedIsUsedNoMore(MemoryKind kind)
    {
        using SharedMemory memory = TwoDevices.Open(kind);
        using SharedArray<int> array = memory.Allocate<int>(10);
        SharedVm vm = memory.CreateVm();
        KernelQueue queue = vm.CreateQueue();
        Assert.Throws<ArgumentException>(() => vm.CreateQueue(2));
        vm.Dispose();
        vm.Dispose();
        Assert.Throws<ObjectDisposedException>(() => vm.CreateQueue());
        Assert.Throws<ObjectDisposedException>(() => vm.Launch(_ => { }, 1));
        Assert.Throws<ObjectDisposedException>(() => vm.Advise(array, default(MemoryAdvice)));
        Assert.Equal(StatusCode.InvalidHandle, Assert.Throws<SharedMemoryException>(() => queue.Launch(_ => { }, 1)).Status);
    }

    [Fact]
    public void AKernelCannotEndItsOwnAddressSpace()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Portable);
        using SharedVm vm = memory.CreateVm();
        using Launch launch = vm.Launch(_ => vm.Dispose(), 1);
        Assert.IsType<InvalidOperationException>(Assert.Throws<KernelFailedException>(launch.Wait).InnerException);
    }

    [Fact]
    public void ThereAreAtMostThirtyTwoAndTheyEndWithTheirMemory()
    {
        SharedVm last;
        using (SharedMemory memory = Memories.Open(MemoryKind.Portable))
        {
            last = memory.CreateVm();
            for (int i = 1; i < 32; i++)
                memory.CreateVm();
            Assert.Equal(StatusCode.Busy, Assert.Throws<SharedMemoryException>(memory.CreateVm).Status);
        }

        Assert.Equal(StatusCode.InvalidHandle, Assert.Throws<SharedMemoryException>(() => last.CreateQueue()).Status);
        last.Dispose();
    }

    [Fact]
    public void AForgottenOneIsLoggedAndItsQueueGoesOn()
    {
        var logger = new RecordingLogger();
        using SharedMemory memory = SharedMemory.Create(new SharedMemoryOptions { Memory = MemoryKind.Portable }, logger);
        KernelQueue queue = Forget(memory);
        for (int round = 0; round < 50 && !logger.Lines.Any(line => line.Number == 8); round++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.Equal(LogLevel.Warning, Assert.Single(logger.Lines, line => line.Number == 8).Level);
        using Launch launch = queue.Launch(_ => { }, 1);
        launch.Wait();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static KernelQueue Forget(SharedMemory memory) => memory.CreateVm().CreateQueue();

    /// <summary>Adds to the first element.</summary>
    private static void Add(KernelContext context, in AddArguments arguments) => context.AtomicAdd(arguments.Array, 0, arguments.Amount);

    private readonly record struct AddArguments(SharedArray<long> Array, long Amount);
}
