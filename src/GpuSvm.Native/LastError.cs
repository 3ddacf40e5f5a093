// SPDX-License-Identifier: MIT
using System.Text;
using GpuSvm.Core;
using GpuSvm.Linux;
using GpuSvm.Core.Vm;

namespace GpuSvm.Native;

/// <summary>The sentence of each thread's last failing call, and text going out to C.</summary>
internal static unsafe class LastError
{
    private const string InChild = "This is a forked child: the shared memory, the device and the threads behind the handle are its parent's and do not exist here. Let the parent work, or exec a program that opens memory of its own.";

    [ThreadStatic]
    private static string? _sentence;

    /// <summary>The calling thread's sentence; empty before its first failure.</summary>
    public static string Sentence => _sentence ?? "";

    /// <summary>Keeps a sentence.</summary>
    /// <param name="status">What the call answers.</param>
    /// <param name="sentence">What happened and what to do; null for the status's own words.</param>
    /// <returns>The status as C sees it.</returns>
    /// <remarks>In a forked child every failure is this one: the library's threads and memory are its parent's.</remarks>
    public static int Set(SvmStatus status, string? sentence = null)
    {
        if (ForkMark.IsInChild)
        {
            _sentence = InChild;
            return (int)SvmStatus.ProcessGone;
        }

        if (status != SvmStatus.Done)
        {
            _sentence = sentence ?? $"The call failed: {status.Describe()}.";
            if (status != SvmStatus.TimedOut)
                Log.Write(LogLevel.Debug, _sentence);
        }

        return (int)status;
    }

    /// <summary>Keeps what an exception says.</summary>
    /// <param name="exception">What a call threw.</param>
    /// <returns>The status as C sees it.</returns>
    public static int Set(Exception exception) => exception switch
    {
        SessionException failure => Set(failure.Status, failure.Message),
        DeviceUnavailableException failure => Set(failure.Status, failure.Message),
        OutOfMemoryException => Set(SvmStatus.OutOfHostMemory, "The host is out of memory: free some, or ask for less device memory or capacity."),
        ArgumentException => Set(SvmStatus.InvalidArgument, exception.Message),
        _ => SetInternal($"Internal error, please report it: {exception}"),
    };

    /// <summary>Keeps what no caller can be to blame for, and logs it.</summary>
    /// <param name="sentence">What happened.</param>
    /// <returns>The status as C sees it.</returns>
    private static int SetInternal(string sentence)
    {
        Log.Write(LogLevel.Error, sentence);
        return Set(SvmStatus.NotSupported, sentence);
    }

    /// <summary>Copies text to C: at most size - 1 bytes and a NUL.</summary>
    /// <param name="text">The text.</param>
    /// <param name="buffer">Where to; may be null if the size is 0.</param>
    /// <param name="size">Its size in bytes.</param>
    /// <returns>The whole length in bytes, without the NUL.</returns>
    public static ulong Copy(string text, byte* buffer, ulong size)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        if (buffer != null && size > 0)
        {
            // SAFETY: the caller says that the buffer has so many bytes; one is kept for the NUL.
            int count = (int)Math.Min((ulong)bytes.Length, size - 1);
            bytes.AsSpan(0, count).CopyTo(new Span<byte>(buffer, count));
            buffer[count] = 0;
        }
        return (ulong)bytes.Length;
    }
}
