// SPDX-License-Identifier: MIT
using System.Text;

namespace GpuSvm.Lab.Advising;

/// <summary>Writes advised settings as code: what a program says when it opens its memory, and what it says of each piece of it.</summary>
public static class AdviceCode
{
    /// <summary>For the C API: the options of gpusvm_open, and calls of gpusvm_advise, in which a piece of memory is a pointer and a number of bytes under its own name.</summary>
    /// <param name="settings">The settings.</param>
    /// <returns>Lines; none for no settings.</returns>
    public static string Native(AdvisedSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var code = new StringBuilder();
        string[] options = [.. settings.All.Where(setting => setting.Knob is not null).Select(setting => setting.Knob!.Native(setting.Value))];
        if (options.Length > 0)
            code.Append("gpusvm_options options = { .struct_bytes = sizeof options, ").AppendJoin(", ", options).Append(" };\ngpusvm_memory memory;\nint32_t status = gpusvm_open(&options, &memory);\n");
        foreach (AdvisedInterval interval in settings.Intervals)
        {
            string name = Identifier(interval);
            code.Append("gpusvm_advice ").Append(name).Append("_advice = { .struct_bytes = sizeof ").Append(name).Append("_advice, ").AppendJoin(", ", Wishes(settings, interval).Select(wish => wish.Native)).Append(" };\n")
                .Append(options.Length > 0 || code.ToString().Contains("int32_t status", StringComparison.Ordinal) ? "" : "int32_t ")
                .Append("status = gpusvm_advise(memory, ").Append(name).Append(", ").Append(name).Append("_bytes, &").Append(name).Append("_advice);").Append(Remark(settings, interval)).Append('\n');
        }

        return code.ToString();
    }

    /// <summary>For the .NET package: the options of SharedMemory.Create, and calls of Advise, in which a piece of memory is an array under its own name.</summary>
    /// <param name="settings">The settings.</param>
    /// <returns>Lines; none for no settings.</returns>
    public static string Managed(AdvisedSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var code = new StringBuilder();
        string[] options = [.. settings.All.Where(setting => setting.Knob is not null).Select(setting => setting.Knob!.Managed(setting.Value))];
        if (options.Length > 0)
            code.Append("using var memory = SharedMemory.Create(new SharedMemoryOptions { ").AppendJoin(", ", options).Append(" });\n");
        foreach (AdvisedInterval interval in settings.Intervals)
        {
            code.Append("memory.Advise(").Append(Identifier(interval)).Append(", new MemoryAdvice { ").AppendJoin(", ", Wishes(settings, interval).Select(wish => wish.Managed)).Append(" });")
                .Append(Remark(settings, interval)).Append('\n');
        }

        return code.ToString();
    }

    /// <summary>An interval as the name of a variable.</summary>
    /// <param name="interval">The interval.</param>
    /// <returns>Its name with underlines for what no name has; "at_200000000000" for addresses.</returns>
    public static string Identifier(AdvisedInterval interval)
    {
        ArgumentNullException.ThrowIfNull(interval);
        if (interval.Addresses is { } addresses)
            return $"at_{addresses.Start.Value:x}";
        string name = string.Concat(interval.Name.Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : '_'));
        return name.Length == 0 || char.IsAsciiDigit(name[0]) || _taken.Contains(name) ? "array_" + name : name;
    }

    // Words of C and C#, and the names that the code uses itself.
    private static readonly HashSet<string> _taken =
    [
        "auto", "bool", "break", "byte", "case", "char", "class", "const", "continue", "decimal", "default", "delegate", "do", "double", "else", "enum", "event", "explicit", "extern", "false", "fixed", "float", "for",
        "foreach", "goto", "if", "implicit", "in", "inline", "int", "interface", "internal", "is", "lock", "long", "memory", "namespace", "new", "null", "object", "operator", "options", "out", "override", "params",
        "private", "protected", "public", "readonly", "ref", "register", "restrict", "return", "sbyte", "sealed", "short", "signed", "sizeof", "stackalloc", "static", "status", "string", "struct", "switch", "this",
        "throw", "true", "try", "typedef", "typeof", "uint", "ulong", "unchecked", "union", "unsafe", "unsigned", "ushort", "using", "virtual", "void", "volatile", "while",
    ];

    /// <summary>What is wished of an interval.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="interval">The interval.</param>
    /// <returns>The wishes.</returns>
    private static IEnumerable<IntervalWish> Wishes(AdvisedSettings settings, AdvisedInterval interval) => settings.All.Where(setting => setting.Interval == interval).Select(setting => setting.Wish!);

    /// <summary>What the wishes for an interval mean, as a comment of both languages.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="interval">The interval.</param>
    /// <returns>The comment.</returns>
    private static string Remark(AdvisedSettings settings, AdvisedInterval interval) => $" /* {string.Join("; ", Wishes(settings, interval).Select(wish => wish.Words))} */";
}
