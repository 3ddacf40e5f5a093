// SPDX-License-Identifier: MIT
using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;

namespace GpuSvm.Repository.Tests;

/// <summary>The graph in samples/data is the one its README describes.</summary>
public sealed class WordNetTests
{
    private const string GraphFile = "samples/data/wordnet.edges.gz";
    private const int Nodes = 117_659;
    private const int Edges = 361_647;

    private static readonly byte[] _packed = File.ReadAllBytes(RepositoryFiles.Path(GraphFile));
    private static readonly byte[] _unpacked = Unpack();
    private static readonly string[] _lines = System.Text.Encoding.ASCII.GetString(_unpacked).TrimEnd('\n').Split('\n');

    [Fact]
    public void TheReadmeGivesBothChecksumsAndSizes()
    {
        string readme = RepositoryFiles.Read("samples/data/README.md");
        Assert.Contains(Convert.ToHexStringLower(SHA256.HashData(_packed)), readme, StringComparison.Ordinal);
        Assert.Contains(Convert.ToHexStringLower(SHA256.HashData(_unpacked)), readme, StringComparison.Ordinal);
        foreach (int number in new[] { _packed.Length, _unpacked.Length, Nodes, Edges })
            Assert.Contains(number.ToString("N0", CultureInfo.InvariantCulture), readme, StringComparison.Ordinal);
        Assert.True(_packed.Length <= 2_000_000, "a repository should not carry more");
    }

    [Fact]
    public void TheFileCarriesNoTimeOfItsMaking() => Assert.Equal(0, BitConverter.ToInt32(_packed, 4));

    [Fact]
    public void EdgesAreSortedDistinctAndInRange()
    {
        (int Source, int Target) last = (-1, -1);
        int edges = 0;
        int largest = 0;
        foreach (string line in _lines.SkipWhile(line => line.StartsWith('#')))
        {
            string[] ids = line.Split(' ');
            Assert.Equal(2, ids.Length);
            (int Source, int Target) edge = (int.Parse(ids[0], NumberStyles.None, CultureInfo.InvariantCulture), int.Parse(ids[1], NumberStyles.None, CultureInfo.InvariantCulture));
            if (edge.CompareTo(last) <= 0)
                Assert.Fail($"{line} comes after {last}");
            largest = Math.Max(largest, Math.Max(edge.Source, edge.Target));
            last = edge;
            edges++;
        }

        Assert.Equal(Edges, edges);
        Assert.Equal(Nodes - 1, largest);
    }

    [Fact]
    public void TheCommentsGiveCountsSourceAndTheWholeLicence()
    {
        string[] comments = [.. _lines.TakeWhile(line => line.StartsWith('#')).Select(line => line[1..].Trim())];
        Assert.Contains($"nodes: {Nodes}", comments);
        Assert.Contains($"edges: {Edges}", comments);
        Assert.Contains(comments, line => line.StartsWith("source: Debian package wordnet-base", StringComparison.Ordinal));
        string[] licence = RepositoryFiles.Read("samples/data/WORDNET-LICENSE").TrimEnd('\n').Split('\n');
        Assert.Contains("WordNet 3.0 Copyright 2006 by Princeton University.  All rights reserved.", licence);
        Assert.Equal(licence, comments[^licence.Length..]);
    }

    /// <summary>The text behind the packed file.</summary>
    private static byte[] Unpack()
    {
        using GZipStream stream = new(new MemoryStream(_packed), CompressionMode.Decompress);
        using MemoryStream text = new();
        stream.CopyTo(text);
        return text.ToArray();
    }
}
