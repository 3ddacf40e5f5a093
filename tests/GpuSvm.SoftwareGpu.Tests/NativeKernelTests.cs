// SPDX-License-Identifier: MIT
using GpuSvm.Core;
using GpuSvm.Core.Addressing;

namespace GpuSvm.SoftwareGpu.Tests;

public sealed unsafe class NativeKernelTests
{
    [Fact]
    public void TheStructsHaveTheLayoutOfTheHeader()
    {
        var layout = (delegate* unmanaged<int, ulong>)NativeKernels.Find("layout");
        SoftwareGpuKernelContext context;
        SoftwareGpuWindow window;
        SoftwareGpuKernelFunctions functions;
        ulong[] expected =
        [
            (ulong)sizeof(SoftwareGpuKernelContext), Offset(&context, &context.Functions), Offset(&context, &context.GroupIndex), Offset(&context, &context.GroupCount),
            Offset(&context, &context.Status), Offset(&context, &context.Unit), Offset(&context, &context.Internal),
            (ulong)sizeof(SoftwareGpuWindow), Offset(&window, &window.Address), Offset(&window, &window.Bytes), Offset(&window, &window.Access), Offset(&window, &window.Reserved), Offset(&window, &window.Pointer),
            (ulong)sizeof(SoftwareGpuKernelFunctions), Offset(&functions, &functions.StructBytes), Offset(&functions, &functions.Read), Offset(&functions, &functions.Write), Offset(&functions, &functions.Gather),
            Offset(&functions, &functions.Scatter), Offset(&functions, &functions.AtomicAdd), Offset(&functions, &functions.Windows), Offset(&functions, &functions.Yield), Offset(&functions, &functions.Fail),
            Offset(&functions, &functions.Atomic),
        ];
        Assert.Equal(expected, Enumerable.Range(0, expected.Length).Select(i => layout(i)));
        Assert.Equal(ulong.MaxValue, layout(expected.Length));
    }

    [Fact]
    public void AKernelInCRunsLikeOneInCSharp()
    {
        const int Count = 200_000;
        using TestGpu gpu = new(units: 2);
        ulong a = 0x4000_0000_0000, b = 0x4000_1000_0000, c = 0x4000_2000_0000;
        double[] values = [.. Enumerable.Range(0, Count).Select(i => i * 0.5)];
        fixed (double* bytes = values)
        {
            foreach (ulong array in (ulong[])[b, c])
            {
                TestKernels.Transfer write = new() { Address = array, Buffer = bytes, Bytes = Count * sizeof(double) };
                gpu.Run(&TestKernels.Write, &write);
            }

            ulong* arguments = stackalloc ulong[] { a, b, c, Count, 1000 };
            gpu.Run((delegate* unmanaged<SoftwareGpuKernelContext*, void*, void>)NativeKernels.Find("triad_windows"), arguments, groups: 200);
            TestKernels.Transfer read = new() { Address = a, Buffer = bytes, Bytes = Count * sizeof(double) };
            gpu.Run(&TestKernels.Read, &read);
        }

        for (int i = 0; i < Count; i++)
            Assert.Equal(i * 0.5 + 3.0 * (i * 0.5), values[i]);
    }

    [Fact]
    public void WindowsOfUnitsThatTakeEachOthersPagesAllGetThrough()
    {
        // Three windows in a memory of four pages, two units: each fault pushes out what the other holds or wants.
        using TestGpu gpu = new(units: 2, memoryBytes: 4 * 4096, serve: ServeByEviction);
        ulong a = 0x4000_0000_0000, b = 0x4000_1000_0000, c = 0x4000_2000_0000;
        ulong* arguments = stackalloc ulong[] { a, b, c, 4096, 1024 };
        gpu.Run((delegate* unmanaged<SoftwareGpuKernelContext*, void*, void>)NativeKernels.Find("triad_windows"), arguments, groups: 4);
        Assert.True(gpu.Device.Memory.FreePages >= 0);
        Assert.True(gpu.Faults >= 24, $"{gpu.Faults} faults"); // 3 arrays of 8 pages.
    }

    private readonly Queue<(VirtualAddress Page, DeviceFrame Frame)> _resident = new();

    /// <summary>Binds one page; when the memory is full it takes the oldest away from whoever has it.</summary>
    private SvmStatus ServeByEviction(TestGpu gpu, Core.Device.GpuFault fault)
    {
        VirtualAddress page = fault.Address.AlignDown(PageOrder.Small);
        if (gpu.Table.Lookup(page).IsPresent)
            return SvmStatus.Done;
        if (gpu.Device.Memory.FreePages == 0)
        {
            (VirtualAddress victim, DeviceFrame frame) = _resident.Dequeue();
            gpu.Table.InvalidateTlb(gpu.Table.Zap(AddressRange.OfPages(victim, 1)));
            gpu.Device.Memory.Free(frame, PageOrder.Small);
        }

        SvmStatus status = gpu.BindFresh(page, PageOrder.Small);
        _resident.Enqueue((page, new DeviceFrame((int)(gpu.Table.Lookup(page).Address >> 12))));
        return status;
    }

    private static ulong Offset(void* start, void* field) => (ulong)((byte*)field - (byte*)start);
}
