// SPDX-License-Identifier: MIT
using System.Diagnostics;
using System.Text.Json;
using GpuSvm.Lab.Advising;

namespace GpuSvm.Cli.Tests;

/// <summary>`gpusvm advise`: what it prints can be used as it is, as options, as C and as C#.</summary>
public sealed class AdviseTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>Everything that can be advised, one of each slot at a time, of memory with names that are no names of variables.</summary>
    private static IEnumerable<AdvisedSettings> Everything()
    {
        AdvisedInterval[] intervals = [new() { Name = "power" }, new() { Name = "static" }, new() { Name = "2d grid (old)" }, AdvisedInterval.Parse("0x200000000000-0x200000400000")];
        yield return new AdvisedSettings([new Setting(intervals[0], IntervalWish.All[3])]);
        for (var index = 0; index < 8; index++)
        {
            yield return new AdvisedSettings([
                .. PolicyKnob.All.Select(knob => new Setting(knob, knob.Values[index % knob.Values.Count])),
                .. intervals.Select((interval, place) => new Setting(interval, IntervalWish.All[(index + place) % IntervalWish.All.Count])),
                new Setting(intervals[0], IntervalWish.All[4]),
            ]);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    [Fact]
    public void TheCodeInCCompiles()
    {
        var functions = Everything().Select((settings, index) =>
        {
            var arguments = string.Concat(settings.Intervals.Select(AdviceCode.Identifier).Select(name => $", const void *{name}, uint64_t {name}_bytes"));
            var code = AdviceCode.Native(settings);
            var isOpened = code.Contains("gpusvm_open", StringComparison.Ordinal);
            return $"int32_t advised{index}({(isOpened ? "int unused" : "gpusvm_memory memory")}{arguments})\n{{\n{(isOpened ? "(void)unused;\n" : "")}{code}return status;\n}}\n";
        });
        var source = _folder.Write("advised.c", "#include <gpusvm.h>\n" + string.Concat(functions));
        using (var header = typeof(InputException).Assembly.GetManifestResourceStream("gpusvm.h")!)
        using (var copy = File.Create(Path.Combine(_folder.Path, "gpusvm.h")))
            header.CopyTo(copy);
        Compile("gcc", "-std=c11", "-Wall", "-Wextra", "-Wno-missing-field-initializers", "-Werror", "-I", _folder.Path, "-c", source, "-o", source + ".o");
    }

    [Fact]
    public void TheCodeInCSharpCompiles()
    {
        var methods = Everything().Select((settings, index) =>
        {
            var code = AdviceCode.Managed(settings);
            var memory = code.Contains("SharedMemory.Create", StringComparison.Ordinal) ? "" : "SharedMemory memory";
            string[] arguments = [.. memory.Length > 0 ? [memory] : (string[])[], .. settings.Intervals.Select(interval => $"SharedArray<float> {AdviceCode.Identifier(interval)}")];
            return $"static void Advised{index}({string.Join(", ", arguments)})\n{{\n{code}}}\n";
        });
        var source = _folder.Write("Advised.cs", "using GpuSvm;\ninternal static class Advised\n{\n" + string.Concat(methods) + "}\n");
        var runtime = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        var compiler = Directory.GetDirectories(Path.Combine(runtime, "..", "..", "..", "sdk")).Select(sdk => Path.Combine(sdk, "Roslyn", "bincore", "csc.dll")).Last(File.Exists);
        string[] references = [.. Directory.GetFiles(runtime, "System*.dll").Where(file => !file.Contains(".Native", StringComparison.Ordinal)), typeof(SharedMemory).Assembly.Location, Path.Combine(AppContext.BaseDirectory, "Microsoft.Extensions.Logging.Abstractions.dll")];
        var host = Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? Environment.ProcessPath! : "dotnet";
        Compile(host, [compiler, "-nologo", "-nostdlib", "-target:library", "-warnaserror", $"-out:{source}.dll", .. references.Select(file => "-r:" + file), source]);
    }

    [Fact]
    public void WhatIsPrintedReplaysToWhatIsSaid()
    {
        string[] machine = ["--size", "512K", "--oversubscription", "1.25", "--cost-model", "xe"];
        var run = ToolRun.Of(["advise", "srad", "--budget", "10M", .. machine, "--json", "-"]);
        Assert.Equal("", run.Error);
        Assert.Equal(0, run.ExitCode);
        using var advice = JsonDocument.Parse(run.Output);
        Assert.NotEqual(0, advice.RootElement.GetProperty("settings").GetArrayLength());
        using var replay = JsonDocument.Parse(ToolRun.Of([.. advice.RootElement.GetProperty("replay").GetString()!.Split(' ')[1..], "--json", "-"]).Output);
        var said = advice.RootElement.GetProperty("advised").GetProperty("modelled_nanoseconds").GetDouble();
        Assert.Equal(said, replay.RootElement.GetProperty("result").GetProperty("modelled_nanoseconds").GetDouble());
        Assert.True(said < advice.RootElement.GetProperty("default").GetProperty("modelled_nanoseconds").GetDouble());
    }

    [Fact]
    public void APersonSeesTheGainEachShareAndTheCode()
    {
        var run = ToolRun.Of("advise", "srad", "--size", "512K", "--budget", "5M");
        Assert.Equal("", run.Error);
        foreach (var part in (string[])["memory, with the defaults", "times as fast", "without it", "cost model", "coherent", "try it:\ngpusvm replay srad --size 512K --device-memory", "in C:\ngpusvm_", "struct_bytes = sizeof", "in C#:\n"])
            Assert.Contains(part, run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("write 50M or 1G", "advise", "triad", "--budget", "lots")]
    [InlineData("did you mean triad?", "advise", "triadd")]
    [InlineData("leave one of them out", "advise", "triad", "--device-memory", "1M", "--oversubscription", "2")]
    [InlineData("take a smaller size", "advise", "triad", "--size", "8G")]
    [InlineData("nothing of that name was mapped", "replay", "triad", "--advise", "nobody=pinned")]
    [InlineData("wishes are prefer-device", "replay", "triad", "--advise", "a=fast")]
    public void WhatCannotBeUsedIsRefusedWithTheRemedy(string remedy, params string[] arguments)
    {
        var run = ToolRun.Of(arguments);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains(remedy, run.Error, StringComparison.Ordinal);
    }

    /// <summary>Runs a compiler, which must have nothing to say.</summary>
    private static void Compile(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, output + errors.Result);
    }
}
