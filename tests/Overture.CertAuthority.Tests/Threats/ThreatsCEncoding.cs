using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.PuppetApi;
using Overture.Platform.Faults;
using Overture.Platform.Registry;
using Overture.TestSupport;
using Xunit.Abstractions;

namespace Overture.CertAuthority.Tests.Threats;

/// <summary>Threats §2.3 C: bodies that are no certificate request at all.</summary>
[Collection(ThreatCollection.Name), Trait("Category", "integration")]
public sealed class ThreatsCEncoding(CaFixture house, ITestOutputHelper output) : IDisposable
{
    private readonly RunningCa ca = house.Ca;
    private readonly ECDsa key = CsrBuilder.EcKey();

    public void Dispose() => key.Dispose();

    [Fact]
    public async Task T51_Garbage_IsRefusedQuickly()
    {
        var instance = await house.Launch();
        var oracle = await Oracle.Watch(ca, output, instance);
        var good = instance.Csr(key).Der();
        (string What, byte[] Der)[] table =
        [
            ("one byte", [0x30]), ("BER of indefinite length", [0x30, 0x80, 0, 0]), ("the whole as indefinite length",
                [0x30, 0x80, .. good[4..], 0, 0]), ("a length of 2^31-1", [0x30, 0x84, 0x7F, 0xFF, 0xFF, 0xFF]),
            ("a length of 2^32-1", [0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]), ("a length of nine bytes",
                [0x30, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1]), ("a length that is not minimal", [0x30, 0x83, 0, .. good[2..]]),
            ("10,000 sequences in each other", Nested(10_000)), ("trailing bytes", [.. good, 0]), ("a second request behind it",
                [.. good, .. good]), ("a SET", [0x31, .. good[1..]]), ("cut in the middle", good[..(good.Length / 2)]),
            ("a negative version", new CsrBuilder(instance.Name.ToString(), key) { Version = -1 }.Challenge(instance.Token).Der()),
            ("version 1", new CsrBuilder(instance.Name.ToString(), key) { Version = 1 }.Challenge(instance.Token).Der()),
            ("a tail inside the signed part",
                new CsrBuilder(instance.Name.ToString(), key) { RawTail = [5, 0] }.Challenge(instance.Token).Der()),
        ];

        foreach (var (what, der) in table)
            await oracle.Is400(what, instance.Name.ToString(), Pem(der), Reason.CsrDer);
        var corpus = table.Select(t => t.Der).ToList();
        for (var i = 0; i < 200; i++)
            corpus.Add(RandomNumberGenerator.GetBytes(RandomNumberGenerator.GetInt32(1, 2000)));
        // A bit changed, or cut off, anywhere: also inside what is signed, so whatever it parses as, it is refused.
        for (var i = 0; i < good.Length; i++)
            corpus.AddRange([[.. good[..i], (byte)(good[i] ^ (1 << (i % 8))), .. good[(i + 1)..]], good[..i]]);
        foreach (var der in corpus)
        {
            // One of some times, where this machine has other things to do.
            Assert.True(Enumerable.Range(0, 50).Any(_ =>
            {
                var began = Stopwatch.GetTimestamp();
                Assert.Equal(FaultKind.Invalid, Assert.Throws<FaultException>(() => CsrReader.Read(der)).Kind);
                return Stopwatch.GetElapsedTime(began) < TimeSpan.FromMilliseconds(20);
            }), $"20 ms and more for {Convert.ToHexString(der)}");
        }
        output.WriteLine($"and {corpus.Count} bodies to the reader: each refused by a fault of ours within 20 ms");

        await oracle.Holds();
    }

    [Fact]
    public async Task T52_AnythingButOnePemBlock_Is400()
    {
        var instance = await house.Launch();
        using var lost = CsrBuilder.EcKey();
        var secret = lost.ExportPkcs8PrivateKeyPem();
        var oracle = await Oracle.Watch(ca, output, instance);
        oracle.Secret(secret.Split('\n')[1]);
        var good = instance.Csr(key).Pem();
        string Labelled(string label) => good.Replace("CERTIFICATE REQUEST", label, StringComparison.Ordinal);
        (string What, string Body)[] table =
        [
            ("nothing", ""), ("garbage", "garbage"), ("two blocks", good + good), ("a letter before", "x" + good),
                ("a letter behind", good + "x"), ("openssl's text before", "Certificate Request:\n" + good),
            ("NEW CERTIFICATE REQUEST", Labelled("NEW CERTIFICATE REQUEST")), ("CERTIFICATE", Labelled("CERTIFICATE")),
            ("lower case", Labelled("certificate request")),
            ("labels that differ", good.Replace("END CERTIFICATE REQUEST", "END CERTIFICATE", StringComparison.Ordinal)),
            ("a certificate behind", good + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            ("four dashes", good.Replace("-----END", "----END", StringComparison.Ordinal)), ("not base64", good.Insert(60, "!")),
            ("one line cut off", string.Join('\n', good.Split('\n').Where((_, i) => i != 2))), ("a header inside",
                good.Insert(good.IndexOf('\n', StringComparison.Ordinal) + 1, "Proc-Type: 4,ENCRYPTED\n\n")), ("NUL behind", good + "\0"),
            ("no end", good[..good.IndexOf("-----END", StringComparison.Ordinal)]),
        ];

        foreach (var (what, body) in table)
            await oracle.Is400(what, instance.Name.ToString(), body, what == "one line cut off" ? Reason.CsrDer : Reason.CsrPem);
        await oracle.Is400("16 KiB of blanks", instance.Name.ToString(), new string(' ', 16 * 1024), Reason.CsrPem);
        await oracle.Is400("one byte more", instance.Name.ToString(), new string(' ', (16 * 1024) + 1), Reason.CsrTooLarge);
        await oracle.Is400("a line of 1 MiB", instance.Name.ToString(), new string('A', 1024 * 1024), Reason.CsrTooLarge);
        foreach (var (what, bytes) in new (string, byte[])[] { ("UTF-16", Encoding.Unicode.GetBytes(good)),
            ("a BOM before", [0xEF, 0xBB, 0xBF, .. Encoding.ASCII.GetBytes(good)]), ("DER", instance.Csr(key).Der()) })
        {
            using var answer =
                await ca.Agent.PutAsync(new Uri($"certificate_request/{instance.Name}", UriKind.Relative), new ByteArrayContent(bytes));
            await oracle.Check400(what, instance.Name.ToString(), answer, Reason.CsrPem);
        }
        // An alarm of its own: a private key that was posted is lost.
        foreach (var (what, body) in new[] { ("a private key", secret), ("a private key behind", good + secret),
            ("a private key before", secret + good) })
        {
            await oracle.Is400(what, instance.Name.ToString(), body, Reason.CsrPrivateKey);
        }
        Assert.Contains(await ca.Timeline(instance.Name), e => e.Reason == "CSR_PRIVATE_KEY");

        await oracle.Holds();
    }

    [Fact]
    public async Task T52_LineEndings_DoNotMatter()
    {
        foreach (var form in new Func<string, string>[] { p => p.ReplaceLineEndings("\r\n"), p => p.TrimEnd(), p => "\n\n" + p,
            p => p.Replace("-----\n", "-----\r\n", StringComparison.Ordinal) })
        {
            var instance = await house.Launch();
            using var own = CsrBuilder.EcKey();
            using var answer = await ca.Put(instance.Name.ToString(), form(instance.Csr(own).Pem()));
            Assert.Equal(System.Net.HttpStatusCode.OK, answer.StatusCode);
        }
    }

    private static string Pem(byte[] der) => PemEncoding.WriteString("CERTIFICATE REQUEST", der) + "\n";

    // Of true lengths, so that a reader could follow it all the way down; as deep as 16 KiB of body allow.
    private static byte[] Nested(int depth)
    {
        byte[] inner = [5, 0];
        for (var i = 0; i < depth; i++)
        {
            byte[] head = inner.Length < 0x80
                ? [0x30, (byte)inner.Length]
                : inner.Length < 0x100
                ? [0x30, 0x81, (byte)inner.Length]
                : [0x30, 0x82, (byte)(inner.Length >> 8), (byte)inner.Length];
            if (inner.Length > 11_000)
                break;
            inner = [.. head, .. inner];
        }
        return inner;
    }
}
