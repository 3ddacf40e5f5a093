// SPDX-License-Identifier: MIT
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using GpuSvm.Lab.Studies;

namespace GpuSvm.Cli.Studies;

/// <summary>Says in a few letters what results depend on, so that results of something else are noticed.</summary>
internal static class StudyFingerprint
{
    /// <summary>Letters of a fingerprint: 64 bits.</summary>
    private const int Letters = 16;

    /// <summary>The version of the tool, with the commit that it was built from where the build knew it.</summary>
    public static string Version { get; } = typeof(StudyFingerprint).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

    /// <summary>Of the files that a study reads.</summary>
    /// <param name="paths">Traces and graphs.</param>
    /// <returns>Hexadecimal digits.</returns>
    public static string OfFiles(IEnumerable<string> paths)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var path in paths)
        {
            using var file = File.OpenRead(path);
            hash.AppendData(SHA256.HashData(file));
        }

        return Short(hash.GetHashAndReset());
    }

    /// <summary>Of a whole study.</summary>
    /// <param name="cells">Its cells, in order.</param>
    /// <param name="files">The fingerprint of the files that it reads.</param>
    /// <returns>Hexadecimal digits.</returns>
    public static string OfStudy(IEnumerable<StudyCell> cells, string files)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var cell in cells)
            hash.AppendData(Encoding.UTF8.GetBytes($"{cell} {cell.SizeBytes} {cell.Iterations} {cell.Oversubscription:R}\n"));
        hash.AppendData(Encoding.UTF8.GetBytes(files));
        return Short(hash.GetHashAndReset());
    }

    /// <summary>The first digits.</summary>
    private static string Short(byte[] hash) => Convert.ToHexStringLower(hash)[..Letters];
}
