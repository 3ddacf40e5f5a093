// SPDX-License-Identifier: MIT
using System.Text;
using GpuSvm.Lab.Importing;
using GpuSvm.Traces;

namespace GpuSvm.Lab.Tests;

/// <summary>Damaged samples: an import ends, says what is wrong or takes what is there, and gives only records that a trace takes. The seed is in every message.</summary>
public sealed class ImportFuzzTests : IDisposable
{
    private const int Texts = 3000;
    private const int Databases = 300;

    private static readonly string[] _splinters = ["", " ", ",", "-", "0x", "ffffffffffffffff", "99999999999999999999", "-1", "@", "(", "\"", "\0", "\r\n", "ä", "NaN", "1e400", "  ", "[", "="];

    private readonly string _folder = Directory.CreateTempSubdirectory("gpusvm-import-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void DamagedTextsEndInAProblemOrInRecords()
    {
        int problems = 0;
        for (int seed = 0; seed < Texts; seed++)
        {
            var random = new Random(seed);
            (ImportFormat format, string text) = ImportSamples.Texts[random.Next(ImportSamples.Texts.Count)];
            byte[] damaged = Damage(Encoding.UTF8.GetBytes(text), random);
            using var writer = new TraceWriter(new MemoryStream(), new TraceHeader { Source = "fuzz" });
            try
            {
                ImportResult result = TraceImport.Read(new MemoryStream(damaged), "damaged", format, writer);
                Assert.Equal(writer.Records, result.Records);
                problems += result.Problem.Length > 0 ? 1 : 0;
                _ = ImportFormats.Guess(new MemoryStream(damaged));
            }
            catch (Exception e) when (e is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"seed {seed}, {format}: {e}\n{Encoding.UTF8.GetString(damaged)}");
            }
        }

        Assert.InRange(problems, Texts / 20, Texts - (Texts / 20)); // Else the damage is none, or nothing is left.
    }

    [Fact]
    public void DamagedDatabasesEndInAProblemOrInRecords()
    {
        string whole = Path.Combine(_folder, "whole.sqlite");
        ImportSamples.WriteNsight(whole);
        byte[] bytes = File.ReadAllBytes(whole);
        string path = Path.Combine(_folder, "damaged.sqlite");
        int problems = 0;
        for (int seed = 0; seed < Databases; seed++)
        {
            var random = new Random(seed);
            byte[] damaged = [.. bytes];
            int places = random.Next(1, 40);
            for (int place = 0; place < places; place++)
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            File.WriteAllBytes(path, random.Next(4) == 0 ? damaged[..random.Next(damaged.Length)] : damaged);
            using var writer = new TraceWriter(new MemoryStream(), new TraceHeader { Source = "fuzz" });
            try
            {
                ImportResult result = TraceImport.Read(path, ImportFormat.Nsight, writer);
                Assert.Equal(writer.Records, result.Records);
                problems += result.Problem.Length > 0 ? 1 : 0;
            }
            catch (Exception e) when (e is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"seed {seed}: {e}");
            }
        }

        Assert.True(problems > Databases / 20, $"only {problems} problems");
    }

    /// <summary>Damages a text: changed bytes, pieces cut out, doubled or put in, and an end that is missing.</summary>
    private static byte[] Damage(byte[] text, Random random)
    {
        List<byte> damaged = [.. text];
        for (int times = random.Next(1, 6); times > 0 && damaged.Count > 0; times--)
        {
            int at = random.Next(damaged.Count);
            int length = Math.Min(random.Next(1, 12), damaged.Count - at);
            switch (random.Next(5))
            {
                case 0:
                    damaged[at] = (byte)random.Next(256);
                    break;
                case 1:
                    damaged.RemoveRange(at, length);
                    break;
                case 2:
                    damaged.InsertRange(at, damaged.GetRange(at, length));
                    break;
                case 3:
                    damaged.InsertRange(at, Encoding.UTF8.GetBytes(_splinters[random.Next(_splinters.Length)]));
                    break;
                default:
                    if (random.Next(4) == 0)
                        damaged.RemoveRange(at, damaged.Count - at);
                    break;
            }
        }

        return [.. damaged];
    }
}
