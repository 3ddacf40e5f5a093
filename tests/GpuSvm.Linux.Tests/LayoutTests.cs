// SPDX-License-Identifier: MIT
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using GpuSvm.Linux.Interop;

namespace GpuSvm.Linux.Tests;

/// <summary>What Interop/ repeats of C, compared with C.</summary>
public sealed class LayoutTests
{
    private static readonly Type[] _constantTypes = [typeof(UserfaultConstants), typeof(PagemapConstants), typeof(LinuxConstants), typeof(Errno)];

    [Fact]
    public void EveryStructureAndNumberIsAsInC()
    {
        var truth = NativeCompiler.Run(NativeCompiler.Build("layout.c", "-O1"), "")
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' '))
            .ToDictionary(parts => parts[0], parts => ulong.Parse(parts[1], CultureInfo.InvariantCulture));
        var wrong = new List<string>();
        int compared = 0;
        foreach ((string name, ulong expected) in truth)
        {
            string[] parts = name.Split('.');
            ulong? actual = parts[0] switch
            {
                "sizeof" => (ulong)Marshal.SizeOf(StructureOf(parts[1])),
                "offset" => (ulong)Marshal.OffsetOf(StructureOf(parts[1]), parts[2]),
                _ => ConstantOf(parts[1]),
            };
            compared++;
            if (actual != expected)
                wrong.Add($"{name}: C says {expected}, here {actual}");
        }

        Assert.Empty(wrong);
        Assert.True(compared > 100, $"only {compared} compared");
    }

    [Fact]
    public void NoConstantIsLeftUncompared()
    {
        string source = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Native", "layout.c"));
        IEnumerable<string> missing = _constantTypes.SelectMany(type => type.GetFields(BindingFlags.Static | BindingFlags.NonPublic))
            .Where(field => field.IsLiteral && !source.Contains($"VALUE({field.Name})", StringComparison.Ordinal))
            .Select(field => field.Name);
        Assert.Empty(missing);
    }

    /// <summary>A structure by its name.</summary>
    private static Type StructureOf(string name) => typeof(UffdioApi).Assembly.GetType($"GpuSvm.Linux.Interop.{name}", throwOnError: true)!;

    /// <summary>A constant by its C name.</summary>
    private static ulong? ConstantOf(string name)
    {
        foreach (Type type in _constantTypes)
        {
            const BindingFlags All = BindingFlags.Static | BindingFlags.NonPublic;
            object? value = type.GetField(name, All)?.GetRawConstantValue() ?? type.GetProperty(name, All)?.GetValue(null);
            if (value is not null)
                return Convert.ToUInt64(value, CultureInfo.InvariantCulture);
        }

        return null;
    }
}
