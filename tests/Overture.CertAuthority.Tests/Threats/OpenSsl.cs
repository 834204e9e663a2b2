using System.Diagnostics;

namespace Overture.CertAuthority.Tests.Threats;

/// <summary>`openssl s_client`.</summary>
internal static class OpenSsl
{
    /// <returns>All it printed, the server's answer among it.</returns>
    public static async Task<string> Request(string request, params string[] arguments)
    {
        var start = new ProcessStartInfo("openssl", ["s_client", .. arguments]) { RedirectStandardInput = true,
            RedirectStandardOutput = true, RedirectStandardError = true };
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
