// SPDX-License-Identifier: MIT
namespace GpuSvm.Cli.Commands;

/// <summary>Finds the name a user probably meant, by the number of letters to insert, drop, change or swap.</summary>
internal static class NearestName
{
    /// <summary>The nearest of the known names, or null if none is near enough to be worth suggesting.</summary>
    /// <param name="text">What the user wrote.</param>
    /// <param name="names">What there is.</param>
    public static string? Find(string text, IEnumerable<string> names)
    {
        string? best = null;
        var bestDistance = int.MaxValue;
        foreach (var name in names)
        {
            var distance = Distance(text.ToUpperInvariant(), name.ToUpperInvariant());
            if (distance < bestDistance)
                (best, bestDistance) = (name, distance);
        }

        return best is not null && bestDistance <= Math.Max(2, best.Length / 2) && bestDistance < text.Length ? best : null;
    }

    /// <summary>Edit distance with swaps of neighbours counted as one edit.</summary>
    private static int Distance(string left, string right)
    {
        var table = new int[left.Length + 1, right.Length + 1];
        for (var row = 0; row <= left.Length; row++)
            table[row, 0] = row;
        for (var column = 0; column <= right.Length; column++)
            table[0, column] = column;
        for (var row = 1; row <= left.Length; row++)
        {
            for (var column = 1; column <= right.Length; column++)
            {
                var change = left[row - 1] == right[column - 1] ? 0 : 1;
                var cost = Math.Min(Math.Min(table[row - 1, column] + 1, table[row, column - 1] + 1), table[row - 1, column - 1] + change);
                if (row > 1 && column > 1 && left[row - 1] == right[column - 2] && left[row - 2] == right[column - 1])
                    cost = Math.Min(cost, table[row - 2, column - 2] + 1);
                table[row, column] = cost;
            }
        }

        return table[left.Length, right.Length];
    }
}
