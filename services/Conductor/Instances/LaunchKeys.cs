using System.Security.Cryptography;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Conductor.Instances;

/// <summary>The Conductor's two launch secrets, from files: one signs launch records, the other derives one-time tokens.</summary>
internal sealed class LaunchKeys : IDisposable
{
    private const int LeastTokenKeyBytes = 32;
    private readonly byte[] tokenKey;
    private readonly LaunchSigner signer;
    private readonly LaunchVerifier own;
    private readonly LaunchVerifier? others;

    /// <exception cref="InvalidOperationException">A file holds no usable key; says which, never what is in it.</exception>
    public LaunchKeys(ConductorOptions options)
    {
        var signing = ReadSigningKey(options.Launch.SigningKey);
        signer = new LaunchSigner(signing);
        own = new LaunchVerifier([signing]);
        others = options.Launch.TrustedKeys.Length > 0 ? LaunchVerifier.FromDirectory(options.Launch.TrustedKeys) : null;
        tokenKey = ReadTokenKey(options.Launch.TokenKey);
    }

    public string Token(string requestId, CertName name) => EnrollmentToken.Derive(tokenKey, requestId, name);

    /// <summary>The secret of an instance's first-boot reports; apart from its one-time token, and derived for the same reason.</summary>
    public string ReportToken(string requestId, CertName name) =>
        Convert.ToHexStringLower(Seal("overture-first-boot-1", $"{requestId}\n{name}"));

    public SignedLaunch Sign(LaunchRecord record, string writeId) => signer.Sign(record, writeId);

    public SignedObservation Sign(Observation observation, string writeId) => signer.Sign(observation, writeId);

    /// <summary>What only a holder of the token key can make: HMAC-SHA-256 over label and text, apart from every token.</summary>
    /// <param name="label">Of the use, e.g. "overture-snapshot-1".</param>
    /// <param name="text">What is sealed.</param>
    public byte[] Seal(string label, string text) => HMACSHA256.HashData(tokenKey, System.Text.Encoding.UTF8.GetBytes($"{label}\n{text}"));

    /// <summary>The record, if this Conductor or one it trusts signed it for this very name; else null.</summary>
    public LaunchRecord? Verify(SignedLaunch signed, CertName name) => own.Verify(signed, name) ?? others?.Verify(signed, name);

    public void Dispose() => signer.Dispose();

    private static ECDsa ReadSigningKey(string file)
    {
        var key = ECDsa.Create();
        try
        {
            key.ImportFromPem(File.ReadAllText(file));
            return key.KeySize == 256 ? key : throw new InvalidOperationException($"launch.signingKey: {file} is not a P-256 key");
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException)
        {
            throw new InvalidOperationException($"launch.signingKey: {file} holds no EC private key in PEM form");
        }
    }

    private static byte[] ReadTokenKey(string file)
    {
        try
        {
            var key = Convert.FromHexString(File.ReadAllText(file).Trim());
            if (key.Length >= LeastTokenKeyBytes)
                return key;
        }
        catch (FormatException)
        {
            // said below
        }
        throw new InvalidOperationException($"launch.tokenKey: {file} must hold at least 32 bytes in hex");
    }
}
