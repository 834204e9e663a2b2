using System.Globalization;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests.Acceptance;

/// <summary>curl, as an operator types it.</summary>
public sealed class Curl(RunningCa ca) : IDisposable
{
    private readonly TempDirectory home = new();

    public string File(string name) => home.File(name);

    /// <summary>Exit code, status (0: none came) and body.</summary>
    public async Task<(int Exit, int Status, string Body)> Run(string path, params string[] more)
    {
        var body = home.File("body");
        System.IO.File.Delete(body);
        var (exit, output) = await Tool.Run(
            "curl", ["-sk", "-o", body, "-w", "%{http_code}", "--path-as-is", .. more, $"https://localhost:{ca.ApiPort}{path}"]);
        return (exit, int.Parse(output, CultureInfo.InvariantCulture),
            System.IO.File.Exists(body) ? await System.IO.File.ReadAllTextAsync(body) : "");
    }

    /// <summary>The options that show a client's certificate.</summary>
    public string[] As(CertifiedClient client)
    {
        client.Write(home.File($"{client.Serial}.pem"), home.File($"{client.Serial}.key"));
        return ["--cert", home.File($"{client.Serial}.pem"), "--key", home.File($"{client.Serial}.key")];
    }

    public void Dispose() => home.Dispose();
}
