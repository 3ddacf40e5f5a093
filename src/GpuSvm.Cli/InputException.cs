// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli;

/// <summary>
/// What the user gave cannot be used: a size, a file, a name. Its message is one line that says what is wrong and what to do; the tool prints it
/// on standard error and ends with exit code 2.
/// </summary>
internal sealed class InputException : Exception
{
    /// <summary>Makes the error from the whole line that the user will see, without the tool's name before it.</summary>
    /// <param name="message">What is wrong and the remedy, one line.</param>
    public InputException(string message)
        : base(message)
    {
    }

    /// <summary>Makes the error from the whole line and the failure beneath it.</summary>
    /// <param name="message">What is wrong and the remedy, one line.</param>
    /// <param name="inner">What the system said.</param>
    public InputException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
