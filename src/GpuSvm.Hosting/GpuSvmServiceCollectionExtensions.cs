// SPDX-License-Identifier: MIT
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace GpuSvm.Hosting;

/// <summary>Brings shared memory into a program's services.</summary>
public static class GpuSvmServiceCollectionExtensions
{
    /// <summary>
    /// Adds one <see cref="SharedMemory"/> for the whole program: opened when it is first asked for, with the program's logging, and disposed with the services, after its launches have ended.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets options; null for the defaults. A section of the configuration can be bound as well: services.Configure&lt;SharedMemoryOptions&gt;(section).</param>
    /// <returns>The services.</returns>
    /// <remarks>
    /// Options that are not possible fail the host's start with an <see cref="OptionsValidationException"/> that names each and what can be chosen instead; without a host they fail the first use.
    /// Calling it again adds no second memory, but its options are set on top.
    /// </remarks>
    public static IServiceCollection AddGpuSvm(this IServiceCollection services, Action<SharedMemoryOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        OptionsBuilder<SharedMemoryOptions> options = services.AddOptions<SharedMemoryOptions>().ValidateOnStart();
        if (configure != null)
            options.Configure(configure);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<SharedMemoryOptions>, SharedMemoryOptionsValidator>());
        services.TryAddSingleton(static provider => SharedMemory.Create(
            provider.GetRequiredService<IOptions<SharedMemoryOptions>>().Value, provider.GetService<ILoggerFactory>()?.CreateLogger<SharedMemory>()));
        return services;
    }

    /// <summary>Adds a check of the memory that <see cref="AddGpuSvm(IServiceCollection, Action{SharedMemoryOptions})"/> has added.</summary>
    /// <param name="builder">The health checks.</param>
    /// <param name="name">What the check is called.</param>
    /// <param name="failureStatus">What it reports when the memory cannot be used; null for unhealthy.</param>
    /// <param name="tags">Its tags, or null.</param>
    /// <returns>The health checks.</returns>
    public static IHealthChecksBuilder AddGpuSvm(this IHealthChecksBuilder builder, string name = "gpusvm", HealthStatus? failureStatus = null, IEnumerable<string>? tags = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.Add(new HealthCheckRegistration(
            name, static provider => new SharedMemoryHealthCheck(provider.GetRequiredService<SharedMemory>(), provider.GetRequiredService<IOptions<SharedMemoryOptions>>()), failureStatus, tags));
    }
}
