using Overture.TestSupport;

namespace Overture.Cli.Tests;

/// <summary>The CA of a puppetserver as its own tool makes it, never started: what is imported, or stays.</summary>
internal static class PuppetserverCadir
{
    /// <param name="home">Gets ssl and source, the cadir.</param>
    /// <returns>The cadir.</returns>
    public static async Task<string> Make(TempDirectory home)
    {
        await File.WriteAllTextAsync(home.File("old.conf"),
            $"[main]\ncertname = puppet.example.org\nconfdir = {home.File("conf")}\nssldir = {home.File("ssl")}\ncadir = "
                + $"{home.File("source")}\nkeylength = 2048\n");
        Directory.CreateDirectory(home.File("conf"));
        (await Shell.Run("puppetserver", "ca", "setup", "--config", home.File("old.conf"))).Ok();
        return home.File("source");
    }
}
