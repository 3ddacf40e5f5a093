// SPDX-License-Identifier: MIT
using System.IO.Compression;
using GpuSvm.Lab.Graphs;

namespace GpuSvm.Cli.Graphs;

/// <summary>
/// Opens graph files by their ending: .mtx is Matrix Market, .csv, .tsv, .txt and .edges are edge lists; each may be gzipped, which is told from the
/// first bytes and not from the name.
/// </summary>
internal static class GraphFile
{
    /// <summary>The endings that can be read, for messages.</summary>
    public const string Endings = ".mtx (Matrix Market), .csv, .tsv, .txt or .edges (edge lists), each also .gz";

    /// <summary>Reads a graph.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InputException">The file cannot be opened or is not a graph; the message names the file, the line and what was
    /// expected.</exception>
    public static CsrGraph Read(string path)
    {
        var plain = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? path[..^3] : path;
        var ending = Path.GetExtension(plain).ToLowerInvariant();
        if (ending is not (".mtx" or ".csv" or ".tsv" or ".txt" or ".edges"))
            throw new InputException($"{path}: not the name of a graph file; use {Endings}");
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
            using var stream = IsGzip(file) ? new GZipStream(file, CompressionMode.Decompress) : (Stream)file;
            var lines = new LineReader(stream);
            var name = Path.GetFileName(path);
            return ending switch
            {
                ".mtx" => MatrixMarketReader.Read(lines, name),
                ".csv" => EdgeListReader.Read(lines, (byte)',', name),
                ".tsv" => EdgeListReader.Read(lines, (byte)'\t', name),
                _ => EdgeListReader.Read(lines, 0, name),
            };
        }
        catch (GraphFormatException e)
        {
            throw new InputException($"{path}, {e.Message}", e);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new InputException($"{path}: no such file; --graph takes {Endings}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path}: cannot be read ({e.Message.TrimEnd('.')})", e);
        }
    }

    /// <summary>Whether a file begins as gzip does; leaves it at its beginning.</summary>
    private static bool IsGzip(FileStream file)
    {
        var first = file.ReadByte();
        var second = file.ReadByte();
        file.Position = 0;
        return first == 0x1f && second == 0x8b;
    }
}
