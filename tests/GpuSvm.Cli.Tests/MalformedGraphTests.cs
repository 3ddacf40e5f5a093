// SPDX-License-Identifier: MIT
using GpuSvm.Cli.Graphs;

namespace GpuSvm.Cli.Tests;

/// <summary>Graph files that are none: one error that names the file, the line and what was expected.</summary>
public sealed class MalformedGraphTests : IDisposable
{
    /// <summary>The first line of a matrix that can be read.</summary>
    private const string Banner = "%%MatrixMarket matrix coordinate pattern general\n";

    /// <summary>Where the files lie.</summary>
    private readonly TemporaryFolder _folder = new();

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("a.txt", "0 1\n1 x\n", 2, "two node numbers")]
    [InlineData("a.txt", "0 1\n\n# note\n7\n", 4, "two node numbers")]
    [InlineData("a.txt", "0 -1\n", 1, "two node numbers")]
    [InlineData("a.txt", "0 1.5\n", 1, "two node numbers")]
    [InlineData("a.txt", "0 99999999999999999999\n", 1, "two node numbers")]
    [InlineData("a.txt", "source target\n0 1\n", 1, "two node numbers")]
    [InlineData("a.txt", "", 1, "at least one edge")]
    [InlineData("a.txt", "# nothing\n", 2, "at least one edge")]
    [InlineData("a.csv", "a,b\nc,d\n0,1\n", 2, "comma")]
    [InlineData("a.csv", "0,1\n0 1\n", 2, "comma")]
    [InlineData("a.csv", "0,1\n0,\n", 2, "comma")]
    [InlineData("a.tsv", "0\t1\n0,1\n", 2, "tab")]
    [InlineData("m.mtx", "", 1, "MatrixMarket")]
    [InlineData("m.mtx", "0 1\n", 1, "MatrixMarket")]
    [InlineData("m.mtx", "%%MatrixMarket matrix array real general\n", 1, "coordinate")]
    [InlineData("m.mtx", "%%MatrixMarket matrix coordinate complex general\n", 1, "pattern|real|integer")]
    [InlineData("m.mtx", Banner + "% only\n", 3, "rows columns entries")]
    [InlineData("m.mtx", Banner + "3 3\n", 2, "rows columns entries")]
    [InlineData("m.mtx", Banner + "3 4 1\n", 2, "square")]
    [InlineData("m.mtx", Banner + "3 3 2\n1 2\n", 4, "2 entries (1 were there)")]
    [InlineData("m.mtx", Banner + "3 3 1\n1 2\n2 3\n", 4, "no more than the 1 entries")]
    [InlineData("m.mtx", Banner + "3 3 1\n0 2\n", 3, "1 .. 3")]
    [InlineData("m.mtx", Banner + "3 3 1\n1 4\n", 3, "1 .. 3")]
    [InlineData("m.mtx", "%%MatrixMarket matrix coordinate real general\n3 3 1\n1 2\n", 3, "value")]
    public void AFileThatIsNoGraphIsRefusedWithItsLine(string name, string text, long line, string expected)
    {
        foreach (var path in (string[])[_folder.Write(name, text), _folder.WriteGzip(name + ".gz", text)])
        {
            var error = Assert.Throws<InputException>(() => GraphFile.Read(path));
            Assert.StartsWith($"{path}, line {line}: expected ", error.Message, StringComparison.Ordinal);
            Assert.Contains(expected, error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', error.Message);
        }
    }

    [Fact]
    public void BytesThatAreNoTextAreShownEscapedAndShortened()
    {
        var error = Assert.Throws<InputException>(() => GraphFile.Read(_folder.Write("a.txt", "\u0001\u0002" + new string('z', 100) + "\n")));
        Assert.Contains("\"\\u0001\\u0002zzz", error.Message, StringComparison.Ordinal);
        Assert.Contains("zzz...\"", error.Message, StringComparison.Ordinal);
        Assert.True(error.Message.Length < 400, error.Message);
    }

    [Fact]
    public void AFileWithoutLineEndsIsRefusedBeforeItIsReadWhole()
    {
        var error = Assert.Throws<InputException>(() => GraphFile.Read(_folder.Write("a.txt", new string('1', 3_000_000))));
        Assert.Contains("line 1: expected a line of text", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ADamagedGzipStreamIsRefused()
    {
        var path = _folder.WriteGzip("a.txt.gz", string.Concat(Enumerable.Range(0, 20_000).Select(node => $"{node} {node + 1}\n")));
        var bytes = File.ReadAllBytes(path);
        for (var index = bytes.Length / 2; index < (bytes.Length / 2) + 64; index++)
            bytes[index] ^= 0x5a;
        File.WriteAllBytes(path, bytes);
        var error = Assert.Throws<InputException>(() => GraphFile.Read(path));
        Assert.Contains(", line ", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.png")]
    [InlineData("a")]
    [InlineData("a.gz")]
    public void AnUnknownEndingIsRefusedWithTheListOfKnownOnes(string name)
    {
        var error = Assert.Throws<InputException>(() => GraphFile.Read(_folder.Write(name, "0 1\n")));
        Assert.Contains(".mtx", error.Message, StringComparison.Ordinal);
        Assert.Contains(".tsv", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AMissingFileAndAFolderAreRefused()
    {
        Assert.Contains("no such file", Assert.Throws<InputException>(() => GraphFile.Read(Path.Combine(_folder.Path, "none.csv"))).Message, StringComparison.Ordinal);
        Directory.CreateDirectory(Path.Combine(_folder.Path, "folder.csv"));
        Assert.Contains("cannot be read", Assert.Throws<InputException>(() => GraphFile.Read(Path.Combine(_folder.Path, "folder.csv"))).Message, StringComparison.Ordinal);
    }
}
