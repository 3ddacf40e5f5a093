// SPDX-License-Identifier: MIT
namespace GpuSvm.Lab.Tests;

/// <summary>docs/reproduced.md says what comes out, and its pictures show it.</summary>
public sealed class ReproducedPageTests
{
    [Fact]
    public void ThePageAndItsPicturesAreWhatComesOut()
    {
        string folder = Documentation();
        bool writes = Environment.GetEnvironmentVariable("GPUSVM_WRITE_DOCS") == "1";
        foreach ((string name, string made) in ReproducedPage.Make())
        {
            string path = Path.Combine(folder, name);
            if (writes)
            {
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                File.WriteAllText(path, made);
            }

            Assert.True(File.Exists(path) && File.ReadAllText(path) == made, $"docs/{name} is not what comes out: look at the difference after running this test with GPUSVM_WRITE_DOCS=1");
        }
    }

    /// <summary>The folder of the documentation.</summary>
    private static string Documentation()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "GpuSvm.slnx")))
                return Path.Combine(folder.FullName, "docs");
        }

        throw new InvalidOperationException("The repository is not around the test's folder.");
    }
}
