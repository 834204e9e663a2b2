namespace Overture.TestSupport;

/// <summary>A folder of the test's own, gone when the test is.</summary>
public sealed class TempDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("overture-test-").FullName;

    public string File(string name) => System.IO.Path.Combine(Path, name);

    // What was asked for and not waited for (an agent that hung up) may still be written while the folder goes.
    public void Dispose()
    {
        for (var tries = 1; Directory.Exists(Path); tries++)
        {
            try
            {
                Directory.Delete(Path, recursive: true);
            }
            catch (IOException) when (tries < 10)
            {
                // again
            }
        }
    }
}
