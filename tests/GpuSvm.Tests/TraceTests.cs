// SPDX-License-Identifier: MIT
namespace GpuSvm.Tests;

/// <summary>Recordings from .NET: what is written, that it ends with the memory, and what is refused.</summary>
public sealed class TraceTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("gpusvm-trace-");

    /// <inheritdoc/>
    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void ARecordingSaysHowFarItIsAndEndsOnce()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Portable, 1 << 20, chunkBytes: 65536);
        RunTrace trace = memory.StartTrace(FileOf("one"));
        Assert.True(trace.Read().IsRunning);
        Work(memory);
        RunTraceStatus status = trace.Stop();
        Assert.False(status.IsRunning);
        Assert.Equal(0, status.Lost);
        Assert.True(status.Records > 32, status.ToString());
        Assert.Equal(status.Bytes, new FileInfo(FileOf("one")).Length);
        Assert.Equal(status, trace.Stop());
        Assert.Equal(status, trace.Read());
        trace.Dispose();
        using RunTrace second = memory.StartTrace(FileOf("two"), new RunTraceOptions { AccessesEvery = 1, BufferRecords = 1 << 20 });
        Work(memory);
        Assert.True(second.Stop().Records > status.Records, "every access is more than first uses");
    }

    [Fact]
    public void ARecordingFromTheOpeningOnEndsWithTheMemory()
    {
        using (var memory = SharedMemory.Create(new SharedMemoryOptions { Memory = MemoryKind.Portable, DeviceMemoryBytes = 1 << 20, TracePath = FileOf("whole") }))
            Work(memory);
        byte[] file = File.ReadAllBytes(FileOf("whole"));
        Assert.Equal("GBLK"u8.ToArray(), file[^28..^24]); // The last block is the one that says that this is all: a head without a payload.
        Assert.Equal(2, file[^24]);
    }

    [Fact]
    public void WhatCannotBeIsRefusedAndSaysWhy()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Portable, 1 << 20);
        Assert.Throws<ArgumentException>(() => memory.StartTrace(""));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.StartTrace(FileOf("a"), new RunTraceOptions { AccessesEvery = -1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.StartTrace(FileOf("a"), new RunTraceOptions { BufferRecords = 1 }));
        string nowhere = Path.Combine(_folder.FullName, "nowhere", "a.gsvmtrace");
        ArgumentException path = Assert.Throws<ArgumentException>(() => memory.StartTrace(nowhere));
        Assert.Contains(nowhere, path.Message, StringComparison.Ordinal);
        using RunTrace trace = memory.StartTrace(FileOf("a"));
        Assert.Contains("already", Assert.Throws<ArgumentException>(() => memory.StartTrace(FileOf("b"))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => SharedMemory.Create(new SharedMemoryOptions { Memory = MemoryKind.Portable, TracePath = nowhere }));
    }

    /// <summary>A trace's file.</summary>
    private string FileOf(string name) => Path.Combine(_folder.FullName, name + ".gsvmtrace");

    /// <summary>A launch over more than the device holds.</summary>
    private static void Work(SharedMemory memory)
    {
        using SharedArray<byte> array = memory.Allocate<byte>(4 << 20);
        array.Span.Fill(1);
        using Launch launch = memory.Launch(
            context =>
            {
                for (nint at = 0; at < array.Length; at += 4096)
                    context.Write<byte>(array, at, [2]);
            },
            1);
        launch.Wait();
    }
}
