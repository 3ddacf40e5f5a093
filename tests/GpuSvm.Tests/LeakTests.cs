// SPDX-License-Identifier: MIT
using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace GpuSvm.Tests;

/// <summary>What nobody disposes is reported, and freed by nobody.</summary>
public sealed class LeakTests
{
    [Fact]
    public void AForgottenArrayIsLoggedCountedAndStays()
    {
        var logger = new RecordingLogger();
        using SharedMemory memory = SharedMemory.Create(new SharedMemoryOptions { Memory = MemoryKind.Portable }, logger);
        long before = Leaks("array");
        nint address = ForgetArray(memory);
        CollectUntil(() => memory.LeakedArrays == 1);
        Assert.True(Leaks("array") > before);
        (LogLevel level, _, string text) = Assert.Single(logger.Lines, line => line.Number == 4);
        Assert.Equal(LogLevel.Warning, level);
        Assert.Contains($"800 bytes at 0x{address:x}", text, StringComparison.Ordinal);
        Assert.Equal(4096, memory.Statistics.HeapBytes);
    }

    [Fact]
    public void AForgottenMemoryIsLoggedAndCounted()
    {
        var logger = new RecordingLogger();
        long before = Leaks("memory");
        ForgetMemory(logger);
        CollectUntil(() => logger.Lines.Any(line => line.Number == 5));
        Assert.True(Leaks("memory") > before);
    }

    [Fact]
    public void ALoggerThatThrowsEndsNoProcess()
    {
        using SharedMemory memory = SharedMemory.Create(new SharedMemoryOptions { Memory = MemoryKind.Portable }, new ThrowingLogger());
        ForgetArray(memory);
        CollectUntil(() => memory.LeakedArrays == 1);
    }

    [Fact]
    public void WhatIsDisposedIsNoLeak()
    {
        var logger = new RecordingLogger();
        OpenAndClose(logger);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Assert.DoesNotContain(logger.Lines, line => line.Level >= LogLevel.Warning);
        Assert.Contains(logger.Lines, line => line.Number == 1 && line.Text.Contains("Portable", StringComparison.Ordinal));
        Assert.Contains(logger.Lines, line => line.Number == 3 && line.Text.Contains("1 arrays", StringComparison.Ordinal));
    }

    /// <summary>Collects until something is so; the collector owes no certain number of rounds.</summary>
    private static void CollectUntil(Func<bool> isSo)
    {
        for (int round = 0; round < 50 && !isSo(); round++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.True(isSo(), "not reported after 50 collections");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static nint ForgetArray(SharedMemory memory) => memory.Allocate<long>(100).Address;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ForgetMemory(RecordingLogger logger)
        => SharedMemory.Create(new SharedMemoryOptions { Memory = MemoryKind.Portable, ComputeUnits = 1, DeviceMemoryBytes = 4096 }, logger).CheckInvariants();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void OpenAndClose(RecordingLogger logger)
    {
        using SharedMemory memory = SharedMemory.Create(new SharedMemoryOptions { Memory = MemoryKind.Portable }, logger);
        memory.Allocate<int>(10).Dispose();
        memory.Allocate<int>(10)[0] = 1;
    }

    /// <summary>What the meter says of one kind.</summary>
    private static long Leaks(string kind)
    {
        long leaks = 0;
        using var listener = new MeterListener
        {
            InstrumentPublished = static (instrument, self) =>
            {
                if (instrument is { Name: "gpusvm.leaks", Meter.Name: "GpuSvm" })
                    self.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) => leaks += (string?)tags[0].Value == kind ? value : 0);
        listener.Start();
        listener.RecordObservableInstruments();
        return leaks;
    }

    /// <summary>A logger whose owner is gone when a leak is found.</summary>
    private sealed class ThrowingLogger : ILogger
    {
        /// <inheritdoc/>
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
            => null;

        /// <inheritdoc/>
        public bool IsEnabled(LogLevel logLevel) => true;

        /// <inheritdoc/>
        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel == LogLevel.Warning)
                throw new InvalidOperationException("The logger is gone.");
        }
    }
}
