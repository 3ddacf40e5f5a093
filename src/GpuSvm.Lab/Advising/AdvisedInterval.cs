// SPDX-License-Identifier: MIT
using System.Globalization;
using GpuSvm.Core.Addressing;

namespace GpuSvm.Lab.Advising;

/// <summary>Memory that something can be advised of: everything that the program maps under one name, or an interval of addresses where it gives none.</summary>
public sealed record AdvisedInterval
{
    private const string AddressPrefix = "0x";

    /// <summary>The name of its mappings; for an interval its addresses, "0x1000-0x3000".</summary>
    public required string Name { get; init; }

    /// <summary>The addresses; null for memory that goes by its name.</summary>
    public AddressRange? Addresses { get; init; }

    /// <summary>Whether its name is its addresses.</summary>
    public bool IsUnnamed => Addresses is not null;

    /// <summary>Memory without a name.</summary>
    /// <param name="addresses">Its addresses, whole pages.</param>
    /// <returns>The interval.</returns>
    public static AdvisedInterval At(AddressRange addresses) =>
        new() { Name = string.Create(CultureInfo.InvariantCulture, $"{AddressPrefix}{addresses.Start.Value:x}-{AddressPrefix}{addresses.End.Value:x}"), Addresses = addresses };

    /// <summary>The memory that a word means.</summary>
    /// <param name="name">A name, or addresses as <see cref="Name"/> has them.</param>
    /// <returns>The interval.</returns>
    public static AdvisedInterval Parse(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        string[] ends = name.Split('-');
        if (ends.Length != 2 || !TryAddress(ends[0], out VirtualAddress start) || !TryAddress(ends[1], out VirtualAddress end) || end <= start)
            return new AdvisedInterval { Name = name };
        return At(new AddressRange(start, end).AlignOutward());
    }

    /// <summary>Reads an address.</summary>
    /// <param name="text">With its prefix.</param>
    /// <param name="address">The address.</param>
    /// <returns>Whether it is one.</returns>
    private static bool TryAddress(string text, out VirtualAddress address)
    {
        bool isOne = ulong.TryParse(text.StartsWith(AddressPrefix, StringComparison.Ordinal) ? text[AddressPrefix.Length..] : "", NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong value);
        address = new VirtualAddress(value);
        return isOne;
    }
}
