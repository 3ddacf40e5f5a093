// SPDX-License-Identifier: MIT
using System.Globalization;
using GpuSvm.Core;
using GpuSvm.Core.Addressing;

namespace GpuSvm.Native;

/// <summary>What the system says of the program's own memory.</summary>
internal static class ProcessMappings
{
    private const string File = "/proc/self/maps";

    /// <summary>Tells what the program may do with an interval at this moment.</summary>
    /// <param name="interval">Page aligned.</param>
    /// <param name="isWritable">Whether it may write all of it.</param>
    /// <returns><see cref="SvmStatus.Done"/>; <see cref="SvmStatus.NotMapped"/> if it may not read all of it; <see cref="SvmStatus.NotSupported"/> where the system does not say.</returns>
    public static SvmStatus Look(AddressRange interval, out bool isWritable)
    {
        isWritable = true;
        if (!System.IO.File.Exists(File))
            return SvmStatus.NotSupported;
        VirtualAddress seen = interval.Start;
        foreach (string line in System.IO.File.ReadLines(File)) // In address order: "start-end rwxp ...".
        {
            int dash = line.IndexOf('-', StringComparison.Ordinal);
            int space = line.IndexOf(' ', dash);
            var mapping = new AddressRange(Address(line.AsSpan(0, dash)), Address(line.AsSpan(dash + 1, space - dash - 1)));
            if (mapping.End <= seen)
                continue;
            if (mapping.Start > seen || line[space + 1] != 'r')
                break;
            isWritable &= line[space + 2] == 'w';
            seen = mapping.End;
            if (seen >= interval.End)
                return SvmStatus.Done;
        }

        return SvmStatus.NotMapped;
    }

    /// <summary>Reads an address.</summary>
    /// <param name="digits">Hexadecimal.</param>
    /// <returns>The address.</returns>
    private static VirtualAddress Address(ReadOnlySpan<char> digits) => new(ulong.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
}
