// SPDX-License-Identifier: MIT
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace GpuSvm.Native.Tests;

/// <summary>
/// Compares C# structs and enums with gpusvm.h: writes a C program from the C# side's names, so that a missing or renamed field does not compile, and lets
/// the C compiler say every offset, size and value.
/// </summary>
internal static partial class LayoutProgram
{
    /// <summary>Checks that structs lie in memory as their C counterparts do.</summary>
    /// <param name="pairs">C# types with the names of the C structs.</param>
    public static void AssertSameLayout(params (Type Managed, string C)[] pairs)
    {
        var source = new StringBuilder();
        List<string> expected = [];
        foreach ((Type managed, string c) in pairs)
        {
            Line(source, expected, $"sizeof({c})", Marshal.SizeOf(managed));
            FieldInfo[] fields = managed.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic);
            Assert.NotEmpty(fields);
            foreach (FieldInfo field in fields)
                Line(source, expected, $"offsetof({c}, {SnakeCase(field.Name)})", (int)Marshal.OffsetOf(managed, field.Name));
        }
        Assert.Equal(expected, Run(source));
    }

    /// <summary>Checks that an enum's values are those of the C constants.</summary>
    /// <param name="prefix">What the constants' names begin with, for example GPUSVM_.</param>
    /// <typeparam name="T">The C# enum.</typeparam>
    public static void AssertSameValues<T>(string prefix)
        where T : struct, Enum
    {
        var source = new StringBuilder();
        List<string> expected = [];
        foreach (T value in Enum.GetValues<T>())
            Line(source, expected, prefix + SnakeCase(value.ToString()).ToUpperInvariant(), Convert.ToInt32(value, null));
        Assert.Equal(expected, Run(source));
    }

    /// <summary>Adds one line that the program will print, and what it should be.</summary>
    private static void Line(StringBuilder source, List<string> expected, string expression, int value)
    {
        source.Append("    printf(\"%s %d\\n\", \"").Append(expression).Append("\", (int)(").Append(expression).Append("));\n");
        expected.Add($"{expression} {value}");
    }

    /// <summary>Compiles and runs the program.</summary>
    /// <returns>The lines it prints.</returns>
    private static string[] Run(StringBuilder body)
    {
        string file = Path.Combine(Directory.CreateTempSubdirectory("gpusvm-layout-").FullName, "layout.c");
        File.WriteAllText(file, $"#include <stddef.h>\n#include <stdio.h>\n#include \"gpusvm.h\"\nint main(void)\n{{\n{body}    return 0;\n}}\n");
        (int exitCode, string output) = CCompiler.Run(CCompiler.Compile([file], "layout"));
        Assert.Equal(0, exitCode);
        return output.TrimEnd().Split('\n');
    }

    /// <summary>FaultAddress and _windows as C spells them: fault_address, windows.</summary>
    private static string SnakeCase(string name) => Humps().Replace(name.TrimStart('_'), "_").ToLowerInvariant();

    [GeneratedRegex("(?<=[a-z])(?=[A-Z])")]
    private static partial Regex Humps();
}
