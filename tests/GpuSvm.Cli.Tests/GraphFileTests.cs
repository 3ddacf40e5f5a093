// SPDX-License-Identifier: MIT
using GpuSvm.Cli.Graphs;
using GpuSvm.Lab.Graphs;

namespace GpuSvm.Cli.Tests;

/// <summary>Graph files that can be read.</summary>
public sealed class GraphFileTests : IDisposable
{
    /// <summary>Where the files lie.</summary>
    private readonly TemporaryFolder _folder = new();

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    /// <summary>All rows as text, "0:1,2 1: 2:0".</summary>
    private static string Rows(CsrGraph graph)
        => string.Join(' ', Enumerable.Range(0, graph.Nodes).Select(node => $"{node}:{string.Join(',', graph.Row(node).ToArray())}"));

    [Theory]
    [InlineData("a.txt", "0 2\n0 1\n2\t0\n")]
    [InlineData("a.txt", "# comment\n\n0 2 0.5 2020\r\n0 1\r\n% other\n2 0")]
    [InlineData("a.edges", "  0   2\n0 1\n2 0\n")]
    [InlineData("a.csv", "0,2\n0,1\n2,0\n")]
    [InlineData("a.csv", "source,target,weight\n0, 2, 7\n\"0\",\"1\",7\n2,0,\n")]
    [InlineData("a.tsv", "from\tto\n0\t2\n0\t1\n2\t0\n")]
    [InlineData("a.txt", "\uFEFF0 2\n0 1\n2 0\n")]
    public void AnEdgeListGivesItsRows(string name, string text)
    {
        Assert.Equal("0:1,2 1: 2:0", Rows(GraphFile.Read(_folder.Write(name, text))));
        Assert.Equal("0:1,2 1: 2:0", Rows(GraphFile.Read(_folder.WriteGzip(name + ".gz", text))));
        Assert.Equal("0:1,2 1: 2:0", Rows(GraphFile.Read(_folder.WriteGzip(name, text))));
    }

    [Theory]
    [InlineData("%%MatrixMarket matrix coordinate pattern general\n3 3 3\n1 3\n1 2\n3 1\n", "0:1,2 1: 2:0")]
    [InlineData("%%MatrixMarket matrix coordinate real general\n% a comment\n\n3 3 2\n1 3 -1.5e3\n2 2 7\n", "0:2 1:1 2:")]
    [InlineData("%%matrixmarket MATRIX Coordinate Integer Symmetric\n3 3 3\n2 1 5\n3 3 1\n3 2 4\n", "0:1 1:0,2 2:1,2")]
    [InlineData("%%MatrixMarket matrix coordinate pattern general\n4 4 1\n1 2\n", "0:1 1: 2: 3:")]
    public void AMatrixGivesItsRows(string text, string rows)
    {
        Assert.Equal(rows, Rows(GraphFile.Read(_folder.Write("m.mtx", text))));
        Assert.Equal(rows, Rows(GraphFile.Read(_folder.WriteGzip("m.mtx.gz", text))));
    }

    [Fact]
    public void SparseLabelsAreRenumberedInAscendingOrder()
        => Assert.Equal("0:1,2 1: 2:0", Rows(GraphFile.Read(_folder.Write("a.txt", "5000000000 9000000000000\n5000000000 7000000000\n9000000000000 5000000000\n"))));

    [Fact]
    public void LinesLongerThanTheBufferAndFilesWithoutALastLineEndAreRead()
    {
        var comment = "# " + new string('x', 300_000) + "\n";
        var edges = string.Concat(Enumerable.Range(0, 50_000).Select(node => $"{node} {node + 1}\n")).TrimEnd('\n');
        var graph = GraphFile.Read(_folder.Write("long.txt", comment + edges));
        Assert.Equal(50_001, graph.Nodes);
        Assert.Equal(50_000, graph.Edges);
        Assert.Equal([50_000], graph.Row(49_999).ToArray());
    }

    [Fact]
    public void ThePackagedGraphIsTheOneItsDescriptionNames()
    {
        var graph = GraphFile.Read(SampleGraph.Find());
        Assert.Equal(117_659, graph.Nodes);
        Assert.Equal(361_647, graph.Edges);
        Assert.Equal(46_302, graph.BusiestNode());
        Assert.Equal(673, graph.Degree(46_302));
    }
}
