// SPDX-License-Identifier: MIT
using System.Buffers;
using System.Globalization;

namespace GpuSvm.Cli.Commands;

/// <summary>
/// Sizes as people write them: a number with an optional unit. K, M, G, T and KiB, MiB, GiB, TiB are powers of 1024; KB, MB, GB, TB are powers of
/// 1000, as on a disk's label; a bare number or B is bytes. Fractions are allowed where they come to whole bytes or more.
/// </summary>
internal static class ByteSize
{
    /// <summary>Units of 1024 by their first letter, in order.</summary>
    private const string Letters = "KMGT";

    /// <summary>What a number may consist of.</summary>
    private static readonly SearchValues<char> NumberCharacters = SearchValues.Create("0123456789.");

    /// <summary>Reads a size.</summary>
    /// <param name="text">What the user wrote.</param>
    /// <param name="option">The option it belongs to, for the message.</param>
    /// <returns>Bytes, at least 1.</returns>
    /// <exception cref="InputException">It is not a size, is zero or negative, or is more than any machine holds.</exception>
    public static long Parse(string text, string option)
    {
        var trimmed = text.Trim();
        var digits = trimmed.AsSpan().IndexOfAnyExcept(NumberCharacters);
        var number = digits < 0 ? trimmed : trimmed[..digits];
        var unit = digits < 0 ? "" : trimmed[digits..].Trim();
        if (!decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) || FactorOf(unit) is not { } factor)
            throw new InputException($"{option} {text}: not a size; write bytes or a unit, as in 4096, 64M, 1GiB or 2MB");
        decimal bytes;
        try
        {
            bytes = decimal.Floor(value * factor);
        }
        catch (OverflowException)
        {
            bytes = decimal.MaxValue;
        }

        if (bytes < 1)
            throw new InputException($"{option} {text}: a size must be at least one byte; write bytes or a unit, as in 4096, 64M or 1GiB");
        if (bytes > 1L << 47)
            throw new InputException($"{option} {text}: more than an address space holds (128 TiB); use a smaller size");
        return (long)bytes;
    }

    /// <summary>Writes a size for people: exact in the largest unit that divides it, else with one decimal.</summary>
    /// <param name="bytes">Bytes, 0 or more.</param>
    public static string Format(long bytes) => Lab.Wording.Format.Size(bytes);

    /// <summary>Bytes in one of a unit, or null if there is no such unit. Case does not matter.</summary>
    private static decimal? FactorOf(string unit)
    {
        var upper = unit.ToUpperInvariant();
        if (upper is "" or "B")
            return 1;
        var power = Letters.IndexOf(upper[0], StringComparison.Ordinal) + 1;
        if (power == 0)
            return null;
        var step = upper[1..] switch { "" or "IB" => 1024m, "B" => 1000m, _ => 0m };
        if (step == 0)
            return null;
        var factor = 1m;
        for (var index = 0; index < power; index++)
            factor *= step;
        return factor;
    }
}
