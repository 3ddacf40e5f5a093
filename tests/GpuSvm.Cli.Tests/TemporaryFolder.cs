// SPDX-License-Identifier: MIT
using System.IO.Compression;
using System.Text;

namespace GpuSvm.Cli.Tests;

/// <summary>A folder that goes away with the test.</summary>
public sealed class TemporaryFolder : IDisposable
{
    /// <summary>Its path.</summary>
    public string Path { get; } = Directory.CreateTempSubdirectory("gpusvm-tests-").FullName;

    /// <summary>Writes a text file and gives its path.</summary>
    public string Write(string name, string text)
    {
        var path = System.IO.Path.Combine(Path, name);
        File.WriteAllBytes(path, Encoding.UTF8.GetBytes(text));
        return path;
    }

    /// <summary>Writes a gzipped text file, cut off after some bytes if asked to, and gives its path.</summary>
    public string WriteGzip(string name, string text, int? keep = null)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true))
            gzip.Write(Encoding.UTF8.GetBytes(text));
        var path = System.IO.Path.Combine(Path, name);
        File.WriteAllBytes(path, packed.ToArray()[..(keep ?? (int)packed.Length)]);
        return path;
    }

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(Path, recursive: true);
}
