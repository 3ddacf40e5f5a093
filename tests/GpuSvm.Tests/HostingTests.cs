// SPDX-License-Identifier: MIT
using GpuSvm.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace GpuSvm.Tests;

/// <summary>Shared memory as a service of a program.</summary>
public sealed class HostingTests
{
    [Fact]
    public async Task TheMemoryIsOneServiceWithItsOptionsAndItsLogAndEndsWithTheServices()
    {
        var loggers = new RecordingLoggerFactory();
        ServiceProvider provider = new ServiceCollection()
            .AddSingleton<ILoggerFactory>(loggers)
            .AddGpuSvm(options => options.DeviceMemoryBytes = 12 << 20)
            .AddGpuSvm(options => options.Memory = MemoryKind.Portable)
            .BuildServiceProvider();
        SharedMemory memory = provider.GetRequiredService<SharedMemory>();
        Assert.Same(memory, provider.GetRequiredService<SharedMemory>());
        Assert.Equal(12 << 20, memory.Statistics.DeviceBytesTotal);
        Assert.Equal(MemoryKind.Portable, memory.Kind);
        Assert.Equal(["GpuSvm.SharedMemory"], loggers.Categories);
        Assert.Contains(loggers.Logger.Lines, line => line.Number == 1);
        using var go = new ManualResetEventSlim();
        Launch launch = memory.Launch(_ => go.Wait(), 1);
        Task closing = provider.DisposeAsync().AsTask();
        Assert.False(closing.IsCompleted); // It waits for the launch, and holds nobody meanwhile.
        go.Set();
        await closing.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.True(launch.IsCompleted);
        Assert.Throws<ObjectDisposedException>(() => memory.Statistics);
    }

    [Fact]
    public void OptionsThatAreNotPossibleFailTheStart()
    {
        using ServiceProvider provider = new ServiceCollection().AddGpuSvm(options =>
        {
            options.DeviceMemoryBytes = 5;
            options.LargestChunkBytes = 6;
        }).BuildServiceProvider();
        OptionsValidationException refused = Assert.Throws<OptionsValidationException>(provider.GetRequiredService<IStartupValidator>().Validate); // What a host calls when it starts.
        Assert.Equal(2, refused.Failures.Count());
        Assert.Contains("set DeviceMemoryBytes to a multiple", refused.Message, StringComparison.Ordinal);
        Assert.Throws<OptionsValidationException>(provider.GetRequiredService<SharedMemory>);
    }

    [Theory]
    [InlineData(MemoryKind.Portable, HealthStatus.Healthy)]
    [InlineData(MemoryKind.Auto, null)]
    public async Task TheHealthCheckSaysWhatTheMemoryIs(MemoryKind kind, HealthStatus? expected)
    {
        await using ServiceProvider provider = Checked(kind);
        SharedMemory memory = provider.GetRequiredService<SharedMemory>();
        HealthReportEntry entry = await Check(provider);
        Assert.Equal(expected ?? (memory.Kind == MemoryKind.Real ? HealthStatus.Healthy : HealthStatus.Degraded), entry.Status);
        Assert.Equal(memory.Kind.ToString(), entry.Data["memory"]);
        Assert.Equal(memory.Statistics.DeviceBytesTotal, entry.Data["device_bytes_total"]);
    }

    [Fact]
    public async Task PortableMemoryInPlaceOfRealIsDegradedWithTheReason()
    {
        using SharedMemory memory = Memories.Open(MemoryKind.Portable); // What a machine without userfaultfd gives to those who ask for Auto.
        var check = new SharedMemoryHealthCheck(memory, Options.Create(new SharedMemoryOptions { Memory = MemoryKind.Auto }));
        HealthCheckResult result = await check.CheckHealthAsync(new HealthCheckContext { Registration = new HealthCheckRegistration("gpusvm", check, null, null) });
        Assert.Equal(HealthStatus.Degraded, result.Status);
        Assert.Contains(memory.KindReason, result.Description, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ADisposedMemoryIsUnhealthy()
    {
        await using ServiceProvider provider = Checked(MemoryKind.Portable);
        provider.GetRequiredService<SharedMemory>().Dispose();
        Assert.Equal(HealthStatus.Unhealthy, (await Check(provider)).Status);
    }

    /// <summary>Services with a memory and its check.</summary>
    private static ServiceProvider Checked(MemoryKind kind)
    {
        IServiceCollection services = new ServiceCollection().AddLogging().AddGpuSvm(options => options.Memory = kind);
        services.AddHealthChecks().AddGpuSvm();
        return services.BuildServiceProvider();
    }

    /// <summary>Runs the check.</summary>
    private static async Task<HealthReportEntry> Check(ServiceProvider provider) => (await provider.GetRequiredService<HealthCheckService>().CheckHealthAsync()).Entries["gpusvm"];

    /// <summary>Gives everybody the one logger.</summary>
    private sealed class RecordingLoggerFactory : ILoggerFactory
    {
        /// <summary>The logger.</summary>
        public RecordingLogger Logger { get; } = new();

        /// <summary>Who asked for one.</summary>
        public List<string> Categories { get; } = [];

        /// <inheritdoc/>
        public void AddProvider(ILoggerProvider provider)
        {
        }

        /// <inheritdoc/>
        public ILogger CreateLogger(string categoryName)
        {
            Categories.Add(categoryName);
            return Logger;
        }

        /// <inheritdoc/>
        public void Dispose()
        {
        }
    }
}
