using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Overture.CertAuthority.Tests.Threats;

/// <summary>An agent that sends exactly the bytes it is given: no client library tidies up the path on the way.</summary>
internal static class RawAgent
{
    /// <returns>Status code and whole answer; 0 where the server hung up without a word.</returns>
    public static async Task<(int Status, string Text)> Send(RunningCa ca, string method, string target, string body = "", string headers = "", X509Certificate2? own = null)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", ca.ApiPort);
        await using var tls = new SslStream(client.GetStream(), false, (_, shown, _, _) => shown is not null);
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ClientCertificateContext = own is null ? null : SslStreamCertificateContext.Create(own, null, offline: true),
        });
        var request = $"{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {Encoding.Latin1.GetByteCount(body)}\r\n{headers}\r\n{body}";
        await tls.WriteAsync(Encoding.Latin1.GetBytes(request));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using var reader = new StreamReader(tls, Encoding.Latin1);
        var text = await reader.ReadToEndAsync(limit.Token);
        return (text.Split(' ') is ["HTTP/1.1", var status, ..] ? int.Parse(status, System.Globalization.CultureInfo.InvariantCulture) : 0, text);
    }
}
