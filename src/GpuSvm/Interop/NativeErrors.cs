// SPDX-License-Identifier: MIT
using System.Text;

namespace GpuSvm.Interop;

/// <summary>Turns the library's statuses into exceptions, once, at the surface of the package.</summary>
internal static unsafe class NativeErrors
{
    /// <summary>Throws unless a call was done. To be called on the calling thread, at once: the sentence belongs to the thread's last failing call.</summary>
    /// <param name="status">What the call answered.</param>
    public static void Check(int status)
    {
        if (status != (int)StatusCode.Done)
            throw ExceptionFor(status);
    }

    /// <summary>The exception that belongs to a status, with the library's sentence.</summary>
    /// <param name="status">What the call answered, not done.</param>
    /// <returns>The exception to throw.</returns>
    public static Exception ExceptionFor(int status)
    {
        string message = LastError(status);
        return (StatusCode)status == StatusCode.InvalidArgument ? new ArgumentException(message) : new SharedMemoryException((StatusCode)status, message);
    }

    /// <summary>The sentence of the calling thread's last failing call.</summary>
    /// <param name="status">Its status, for the case that there is no sentence.</param>
    /// <returns>The sentence.</returns>
    public static string LastError(int status)
    {
        string message = ReadText(&NativeMethods.gpusvm_last_error);
        return message.Length > 0 ? message : $"The native library answered {(StatusCode)status} without saying why.";
    }

    /// <summary>Calls a function that copies text, again with a larger buffer if it did not fit.</summary>
    /// <param name="read">Takes a buffer and its size, answers the whole length without the NUL.</param>
    /// <returns>The text.</returns>
    public static string ReadText(delegate*<byte*, ulong, ulong> read)
    {
        byte[] buffer = new byte[512];
        while (true)
        {
            ulong length;
            // SAFETY: pinned during the call, which writes at most its length.
            fixed (byte* pointer = buffer)
                length = read(pointer, (ulong)buffer.Length);
            if (length < (ulong)buffer.Length)
                return Encoding.UTF8.GetString(buffer, 0, (int)length);
            buffer = new byte[length + 1];
        }
    }

    /// <summary>Nanoseconds as a time span, to its resolution of 100 ns.</summary>
    /// <param name="nanoseconds">The time.</param>
    /// <returns>The time span.</returns>
    public static TimeSpan Time(ulong nanoseconds) => TimeSpan.FromTicks((long)(nanoseconds / 100));
}
