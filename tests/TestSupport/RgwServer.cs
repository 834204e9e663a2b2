using System.Diagnostics;
using System.Globalization;

namespace Overture.TestSupport;

/// <summary>
/// A real Ceph object gateway with a cluster of its own, as eng/rgw.sh starts it (about a quarter of a minute, once its root is made): one
/// for all tests of a class. It ends with this process, however that ends.
/// </summary>
public sealed class RgwServer : IAsyncDisposable
{
    public const string AccessKey = "overture", SecretKey = "overture-secret", OtherAccessKey = "other", OtherSecretKey = "other-secret";
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(15); // the first of a checkout makes the root
    private readonly Process script;

    private RgwServer(Process script, int port) => (this.script, Port) = (script, port);

    public int Port { get; }

    /// <summary>Of S3, path style.</summary>
    public Uri Endpoint => new($"http://127.0.0.1:{Port.ToString(CultureInfo.InvariantCulture)}");

    public static async Task<RgwServer> Start()
    {
        var port = FreePort.Next();
        var script = Process.Start(new ProcessStartInfo(RepositoryPaths.File("eng/rgw.sh"))
        {
            ArgumentList = { port.ToString(CultureInfo.InvariantCulture) },
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var errors = script.StandardError.ReadToEndAsync();
        if (await script.StandardOutput.ReadLineAsync().WaitAsync(Limit) == "running")
            return new RgwServer(script, port);
        throw new InvalidOperationException($"radosgw did not start: {await errors}");
    }

    public async ValueTask DisposeAsync()
    {
        script.StandardInput.Close();
        await script.WaitForExitAsync();
        script.Dispose();
    }
}
