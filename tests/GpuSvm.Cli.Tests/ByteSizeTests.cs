// SPDX-License-Identifier: MIT
using GpuSvm.Cli.Commands;

namespace GpuSvm.Cli.Tests;

/// <summary>Sizes as people write them.</summary>
public sealed class ByteSizeTests
{
    [Theory]
    [InlineData("4096", 4096)]
    [InlineData("1", 1)]
    [InlineData("64M", 64L << 20)]
    [InlineData("64m", 64L << 20)]
    [InlineData("1GiB", 1L << 30)]
    [InlineData("1 GiB", 1L << 30)]
    [InlineData("2MB", 2_000_000)]
    [InlineData("2kb", 2000)]
    [InlineData("3K", 3072)]
    [InlineData("1.5G", 3L << 29)]
    [InlineData("512B", 512)]
    [InlineData("128T", 1L << 47)]
    public void ASizeIsReadInItsUnit(string text, long bytes) => Assert.Equal(bytes, ByteSize.Parse(text, "--size"));

    [Theory]
    [InlineData("")]
    [InlineData("M")]
    [InlineData("-1")]
    [InlineData("0")]
    [InlineData("0.1")]
    [InlineData("1.2.3")]
    [InlineData("5X")]
    [InlineData("5MX")]
    [InlineData("5iB")]
    [InlineData("ten")]
    [InlineData("129T")]
    [InlineData("99999999999999999999999999999T")]
    [InlineData("1e9")]
    public void WhatIsNoSizeIsRefusedWithTheOptionAndTheText(string text)
    {
        var error = Assert.Throws<InputException>(() => ByteSize.Parse(text, "--device-memory"));
        Assert.StartsWith($"--device-memory {text}:", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(4096, "4 KiB")]
    [InlineData(2 << 20, "2 MiB")]
    [InlineData(3L << 29, "1.5 GiB")]
    public void ASizeIsWrittenInTheLargestUnit(long bytes, string text) => Assert.Equal(text, ByteSize.Format(bytes));
}
