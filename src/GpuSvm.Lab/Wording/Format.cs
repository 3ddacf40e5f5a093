// SPDX-License-Identifier: MIT
using System.Globalization;

namespace GpuSvm.Lab.Wording;

/// <summary>Numbers as people read them, the same in every culture.</summary>
public static class Format
{
    private const string UnitLetters = "KMGT";

    /// <summary>A count with thousands separators.</summary>
    /// <param name="value">Any count.</param>
    public static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>Bytes in a readable unit, with the exact number behind it where the unit rounds.</summary>
    /// <param name="bytes">0 or more.</param>
    public static string Bytes(long bytes)
        => bytes < 1024 || (bytes % 1024 == 0 && bytes < 1 << 20) || bytes % (1 << 20) == 0
            ? Size(bytes)
            : $"{Size(bytes)} ({Count(bytes)} bytes)";

    /// <summary>Bytes for people: exact in the largest unit that divides them, else with one decimal.</summary>
    /// <param name="bytes">0 or more.</param>
    public static string Size(long bytes)
    {
        if (bytes < 1024)
            return string.Create(CultureInfo.InvariantCulture, $"{bytes} B");
        double scaled = bytes;
        int unit = -1;
        while (scaled >= 1024 && unit < UnitLetters.Length - 1)
        {
            scaled /= 1024;
            unit++;
        }

        return string.Create(CultureInfo.InvariantCulture, $"{scaled:0.#} {UnitLetters[unit]}iB");
    }

    /// <summary>A count with its noun.</summary>
    /// <param name="value">Any count.</param>
    /// <param name="noun">The noun in the singular; its plural ends in s.</param>
    public static string Count(long value, string noun) => value == 1 ? $"1 {noun}" : $"{Count(value)} {noun}s";

    /// <summary>Nanoseconds in a unit that leaves three digits.</summary>
    /// <param name="nanoseconds">0 or more.</param>
    public static string Time(double nanoseconds) => Seconds(nanoseconds * 1e-9);

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
