using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests.Threats;

/// <summary>A node with its certificate and key, got the ordinary way.</summary>
public sealed class Enrolled : IDisposable
{
    private Enrolled(Launched launch, ECDsa key, X509Certificate2 certificate) => (Launch, Key, Certificate) = (launch, key, certificate);

    public Launched Launch { get; }
    public CertName Name => Launch.Name;
    public ECDsa Key { get; }

    /// <summary>With its private key.</summary>
    public X509Certificate2 Certificate { get; }
    public string Serial => Convert.ToHexStringLower(Certificate.SerialNumberBytes.Span);

    public static async Task<Enrolled> Node(RunningCa ca)
    {
        var launch = await ca.House.Launch();
        var key = CsrBuilder.EcKey();
        using var answer = await ca.Put(launch, key);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        using var certificate = X509Certificate2.CreateFromPem((await ca.Certificate(launch.Name))!);
        return new Enrolled(launch, key, certificate.CopyWithPrivateKey(key));
    }

    public void Dispose()
    {
        Certificate.Dispose();
        Key.Dispose();
    }
}

/// <summary>`openssl s_client`.</summary>
internal static class OpenSsl
{
    /// <returns>All it printed, the server's answer among it.</returns>
    public static async Task<string> Request(string request, params string[] arguments)
    {
        var start = new ProcessStartInfo("openssl", ["s_client", .. arguments]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var (said, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        try
        {
            await process.StandardInput.WriteAsync(request);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It hung up first, which is what some tests are about.
        }
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await process.WaitForExitAsync(limit.Token);
        return await said + await errors;
    }
}
