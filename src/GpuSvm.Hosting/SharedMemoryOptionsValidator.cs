// SPDX-License-Identifier: MIT
using Microsoft.Extensions.Options;

namespace GpuSvm.Hosting;

/// <summary>Has the options say themselves what is wrong with them.</summary>
internal sealed class SharedMemoryOptionsValidator : IValidateOptions<SharedMemoryOptions>
{
    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, SharedMemoryOptions options)
    {
        IReadOnlyList<string> problems = options.Validate();
        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }
}
