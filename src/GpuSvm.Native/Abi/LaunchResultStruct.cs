// SPDX-License-Identifier: MIT
using System.Text;

namespace GpuSvm.Native.Abi;

/// <summary>gpusvm_launch_result, field by field.</summary>
internal unsafe struct LaunchResultStruct
{
    /// <summary>The size of <see cref="Message"/>, with its NUL.</summary>
    public const int MessageBytes = 256;

#pragma warning disable CS0649 // The caller fills it, in C.
    /// <summary>sizeof(gpusvm_launch_result), as the caller was compiled.</summary>
    public uint StructBytes;
#pragma warning restore CS0649

    /// <summary>A <see cref="GpuSvm.Core.SvmStatus"/>.</summary>
    public int Status;

    /// <summary>The address that failed the launch, or 0.</summary>
    public ulong FaultAddress;

    /// <summary>0 read, 1 write.</summary>
    public uint FaultAccess;

    /// <summary>0.</summary>
    public uint Reserved;

    /// <summary>Nanoseconds from the launch to the last group's end.</summary>
    public ulong ElapsedNs;

    /// <summary>One sentence, UTF-8 and NUL-terminated.</summary>
    public fixed byte Message[MessageBytes];

    /// <summary>Writes the sentence, cut at a character if it is too long.</summary>
    /// <param name="message">The sentence.</param>
    public void SetMessage(string message)
    {
        // SAFETY: the struct lives where the caller put it during the call; the last byte is kept for the NUL.
        fixed (byte* text = Message)
        {
            Encoding.UTF8.GetEncoder().Convert(message, new Span<byte>(text, MessageBytes - 1), flush: true, out _, out int written, out _);
            text[written] = 0;
        }
    }
}
