// SPDX-License-Identifier: MIT
using System.Globalization;
using GpuSvm.Cli.Commands;

namespace GpuSvm.Cli.Report;

/// <summary>Numbers as people read them, the same in every culture.</summary>
internal static class Format
{
    /// <summary>A count with thousands separators.</summary>
    /// <param name="value">Any count.</param>
    public static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>Bytes in a readable unit, with the exact number behind it where the unit rounds.</summary>
    /// <param name="bytes">0 or more.</param>
    public static string Bytes(long bytes)
        => bytes < 1024 || (bytes % 1024 == 0 && bytes < 1 << 20) || bytes % (1 << 20) == 0
            ? ByteSize.Format(bytes)
            : $"{ByteSize.Format(bytes)} ({Count(bytes)} bytes)";

    /// <summary>Seconds in a unit that leaves three digits.</summary>
    /// <param name="seconds">0 or more.</param>
    public static string Seconds(double seconds) => seconds switch
    {
        0 => "0",
        < 1e-3 => Significant(seconds * 1e6) + " us",
        < 1 => Significant(seconds * 1e3) + " ms",
        _ => Significant(seconds) + " s",
    };

    /// <summary>A number with three significant digits, never in exponent form.</summary>
    /// <param name="value">Any number.</param>
    public static string Significant(double value) => Math.Abs(value) switch
    {
        >= 100 => value.ToString("N0", CultureInfo.InvariantCulture),
        >= 10 => value.ToString("0.0", CultureInfo.InvariantCulture),
        >= 1 => value.ToString("0.00", CultureInfo.InvariantCulture),
        _ => value.ToString("0.000", CultureInfo.InvariantCulture),
    };

    /// <summary>A share as percent.</summary>
    /// <param name="part">The part.</param>
    /// <param name="whole">The whole; 0 gives a dash.</param>
    public static string Share(double part, double whole) => whole > 0 ? (100 * part / whole).ToString("0.0", CultureInfo.InvariantCulture) + " %" : "-";
}
