// SPDX-License-Identifier: MIT
using System.Globalization;
using System.Text;

namespace GpuSvm.Simulation.Exploring;

/// <summary>
/// The choices of a schedule that were not the ordinary ones, as text: "17:1,45:0" means that at choice 17 thread 1 went on and at choice 45 thread 0. The ordinary choice is that
/// the thread goes on that went last, and where that cannot, the first that can. "m" in front says that there were choices at marks, too.
/// </summary>
public sealed class DecisionString
{
    private readonly SortedDictionary<int, int> _choices;

    /// <summary>Makes one of choices.</summary>
    /// <param name="choosesAtMarks">Whether choices at marks are counted.</param>
    /// <param name="choices">Thread by number of choice.</param>
    public DecisionString(bool choosesAtMarks, IEnumerable<KeyValuePair<int, int>> choices)
    {
        ChoosesAtMarks = choosesAtMarks;
        _choices = new SortedDictionary<int, int>(choices.ToDictionary());
    }

    /// <summary>Whether choices at marks are counted.</summary>
    public bool ChoosesAtMarks { get; }

    /// <summary>Thread by number of choice, in rising order.</summary>
    public IReadOnlyDictionary<int, int> Choices => _choices;

    /// <summary>Reads one.</summary>
    /// <param name="text">As <see cref="ToString"/> gives it; the empty text, "m" and "-" have no choices.</param>
    /// <returns>The choices.</returns>
    /// <exception cref="FormatException">The text is none; the message says where.</exception>
    public static DecisionString Parse(string text)
    {
        string rest = text.Trim();
        bool marks = rest.StartsWith('m');
        rest = rest.TrimStart('m').Trim();
        var choices = new Dictionary<int, int>();
        if (rest is "" or "-")
            return new DecisionString(marks, choices);
        foreach (string part in rest.Split(','))
        {
            string[] halves = part.Split(':');
            if (halves.Length != 2 || !int.TryParse(halves[0], NumberStyles.None, CultureInfo.InvariantCulture, out int number)
                || !int.TryParse(halves[1], NumberStyles.None, CultureInfo.InvariantCulture, out int thread) || !choices.TryAdd(number, thread))
                throw new FormatException($"'{part}' in the decisions '{text}' is not a choice: write number:thread, each number once, as in 17:1,45:0.");
        }

        return new DecisionString(marks, choices);
    }

    /// <summary>The same without one choice.</summary>
    /// <param name="number">The choice's number.</param>
    /// <returns>The others.</returns>
    public DecisionString Without(int number) => new(ChoosesAtMarks, _choices.Where(choice => choice.Key != number));

    /// <inheritdoc/>
    public override string ToString()
    {
        var text = new StringBuilder(ChoosesAtMarks ? "m" : string.Empty);
        foreach ((int number, int thread) in _choices)
            text.Append(CultureInfo.InvariantCulture, $"{(text.Length > (ChoosesAtMarks ? 1 : 0) ? "," : string.Empty)}{number}:{thread}");
        return text.Length == 0 ? "-" : text.ToString();
    }
}
