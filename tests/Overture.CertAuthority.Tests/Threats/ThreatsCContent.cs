using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Tls;
using Overture.Records.V1;
using Overture.TestSupport;
using Xunit.Abstractions;

namespace Overture.CertAuthority.Tests.Threats;

/// <summary>Threats §2.3 C: requests that ask for more than a node's own name.</summary>
[Collection(ThreatCollection.Name), Trait("Category", "integration")]
public sealed class ThreatsCContent(CaFixture house, ITestOutputHelper output) : IDisposable
{
    private const string Role = "1.3.6.1.4.1.34380.1.1.13", MicrosoftExtensions = "1.3.6.1.4.1.311.2.1.14";
    private readonly RunningCa ca = house.Ca;
    private readonly ECDsa key = CsrBuilder.EcKey();

    public void Dispose() => key.Dispose();

    [Fact]
    public async Task T40_ExtrasOfAnyKind_GetTheSameCertificateOrARefusal()
    {
        var instance = await house.Launch(l =>
        {
            l.Extensions.Add("pp_role", "web");
            l.DnsAltNames.Add("web.example.org");
        });
        var name = instance.Name.ToString();
        Func<CsrBuilder, CsrBuilder>[] harmless =
        [
            c => c.DnsNames(name, "web.example.org"), c => c.PuppetExtension(Role, "web"), c => c.Renews(), c =>
                { c.Version = 2; return c; }, c => { c.Hash = HashAlgorithmName.SHA384; return c; },
            c => { c.RawSubject =
                CsrParts.Subject(CsrBuilder.Rdn((CsrParts.CommonName, UniversalTagNumber.PrintableString, name))); return c; },
        ];
        Func<CsrBuilder, CsrBuilder>[] hostile =
        [
            c => c.DnsNames("puppet"), c => c.PuppetExtension(Role, "admin"), c =>
                c.PuppetExtension("1.3.6.1.4.1.34380.1.3.39", "true"), c => c.Attribute("1.2.840.113549.1.9.2", CsrParts.Printable("x")),
            c => { c.Version = 1; return c; }, c => c.Extension("2.5.29.19", w => w.PushSequence().Dispose()),
        ];
        var served = new HashSet<string?>();

        // Every set of harmless extras; every third with a hostile one on top.
        for (var set = 0; set < 1 << harmless.Length; set++)
        {
            var request = harmless.Where((_, i) => (set >> i & 1) == 1).Aggregate(instance.Csr(key), (c, extra) => extra(c));
            var bad = set % 3 == 1;
            using var answer = await ca.Put(name, (bad ? hostile[set % hostile.Length](request) : request).Pem());
            Assert.Equal((set, bad ? HttpStatusCode.BadRequest : HttpStatusCode.OK), (set, answer.StatusCode));
            // Not each time: an agent that collects so often has to wait.
            if (set % 16 == 0)
                served.Add(await ca.Certificate(instance.Name));
        }

        var certificate = Assert.Single(served);
        var claim = Assert.Single(await house.All<Claim>(ObjectKeys.ClaimsOf(instance.Name)));
        using var issued = X509Certificate2.CreateFromPem(certificate!);
        Assert.Equal(claim.Serial, Convert.ToHexStringLower(issued.SerialNumberBytes.Span));
        output.WriteLine("sent 64 sets of extras with one key: 43 x 200, 21 x 400; the store holds one claim and one certificate");
    }

    [Fact]
    public async Task T41_AlternativeNamesThatAreNotGranted_Are400()
    {
        var (instance, other) = (await house.Launch(), await house.Launch());
        var oracle = await Oracle.Watch(ca, output, instance, other);
        var own = instance.Name.ToString();
        string[] names =
        [
            "puppet", "puppet.example.org", "localhost", "ca", "certauthority-api", "*", "*.x", "*.example.org", "*." + own,
                own + ".example.org", own.ToUpperInvariant(), own + ".", "." + own, own + " ",
            " " + own, own + "\0", own + "\0.example.org", own + "\n", "", " ", ".", "10.0.0.1", "::1", "169.254.169.254",
            "xn--puppet-9za.example.org", "a_b.example.org", "http://puppet", "root@example.org",
            other.Name.ToString(), new string('a', 300),
        ];
        (string What, byte[] Name)[] kinds =
        [
            ("mail", Tagged(1, "root@example.org")), ("URI", Tagged(6, "https://puppet/")), (
                "URI of a role", Tagged(6, "overture://role/admin")), ("IPv4", Tagged(7, [10, 0, 0, 1])), ("IPv6", Tagged(7, new byte[16])),
            ("an address of five bytes", Tagged(7, new byte[5])), ("no ASCII", Tagged(2, [0xC3, 0xA9])),
        ];

        foreach (var name in names)
        {
            await oracle.Is400(
                $"the name '{(name.Length > 40 ? name[..40] : name)}'", instance.Name, instance.Csr(key).DnsNames(name), Reason.CsrSan);
        }
        foreach (var (what, name) in kinds)
            await oracle.Is400(what, instance.Name, instance.Csr(key).Extension(CsrBuilder.SubjectAltName, Names(name)), Reason.CsrSan);
        await oracle.Is400("its own name and another", instance.Name, instance.Csr(key).DnsNames(own, "puppet"), Reason.CsrSan);
        await oracle.Is400("its own name and an address", instance.Name,
            instance.Csr(key).Extension(CsrBuilder.SubjectAltName, Names(Tagged(2, own), Tagged(7, [10, 0, 0, 1]))), Reason.CsrSan);
        await oracle.Is400("another, critical", instance.Name,
            instance.Csr(key).Extension(CsrBuilder.SubjectAltName, Names(Tagged(2, "puppet")), critical: true), Reason.CsrSan);
        Assert.Equal(40, names.Length + kinds.Length + 3);

        await oracle.Holds();
    }

    [Fact]
    public async Task T42_AlternativeNamesOfTheServer_AreInNoAgentsCertificate()
    {
        // CVE-2011-3872: the CA's own dns_alt_names in every certificate it signed.
        var options = house.Options("t42");
        await using var named = await RunningCa.Start(
            house, options with { PuppetApi = options.PuppetApi with { DnsNames = ["localhost", "puppet", "puppet.example.org"] } });
        var (plain, granted) = (await house.Launch(), await house.Launch(l => l.DnsAltNames.Add("web.example.org")));
        using var otherKey = CsrBuilder.EcKey();
        (await named.Put(plain, key)).Dispose();
        (await named.Put(granted, otherKey)).Dispose();

        Assert.Equal([plain.Name.ToString()], NamesOf((await named.Certificate(plain.Name))!));
        Assert.Equal([granted.Name.ToString(), "web.example.org"], NamesOf((await named.Certificate(granted.Name))!));
        // And of every certificate this run has issued: its own name and its grant, no more and no less.
        var claims = (await house.All<Claim>(ObjectKeys.Claims)).Where(c => c.Issuer == "overture")
            .ToDictionary(c => c.Serial, StringComparer.Ordinal);
        var issued = await house.All<CertificateRecord>(ObjectKeys.Certificates);
        foreach (var record in issued.Where(r => claims.ContainsKey(r.Serial)))
            Assert.Equal(claims[record.Serial].Grant.DnsAltNames.Prepend(record.Certname).Distinct(), NamesOf(record.Pem));
        output.WriteLine($"{issued.Count} certificates: the names of each are its certname and its grant");
    }

    [Fact]
    public async Task T43_AuthorizationArc_Is400AsAnExtensionAndAsAnAttribute()
    {
        var instance = await house.Launch();
        var oracle = await Oracle.Watch(ca, output, instance);

        foreach (var number in new[] { 1, 2, 13, 39, 4, 40, 999 })
        {
            var oid = $"1.3.6.1.4.1.34380.1.3.{number}";
            await oracle.Is400(
                $"{oid} as an extension", instance.Name, instance.Csr(key).PuppetExtension(oid, "true"), Reason.CsrExtension);
            await oracle.Is400($"{oid} as a critical one", instance.Name,
                instance.Csr(key).Extension(oid, CsrParts.Utf8("true"), critical: true), Reason.CsrExtension);
            if (oid != CsrBuilder.AutoRenew)
            {
                await oracle.Is400($"{oid} as an attribute", instance.Name, instance.Csr(key).Attribute(oid, CsrParts.Printable("true")),
                    Reason.CsrAttribute);
            }
        }
        foreach (var oid in new[] { "1.3.6.1.4.1.34380.1.3", "1.3.6.1.4.1.34380.1.4.1", "1.3.6.1.4.1.34380.1.1", "1.3.6.1.4.1.34380.1" })
        {
            await oracle.Is400(
                $"{oid} as an extension", instance.Name, instance.Csr(key).PuppetExtension(oid, "true"), Reason.CsrExtension);
        }
        // The auto-renew marker is an attribute of every Puppet 8 agent; but only "true", and once.
        await oracle.Is400("the auto-renew marker that says no", instance.Name,
            instance.Csr(key).Attribute(CsrBuilder.AutoRenew, CsrParts.Printable("no")), Reason.CsrAttribute);
        await oracle.Is400("the auto-renew marker twice", instance.Name, instance.Csr(key).Renews().Renews(), Reason.CsrAttribute);

        await oracle.Holds();
        var renewing = await house.Launch();
        using var own = CsrBuilder.EcKey();
        using var answer = await ca.Put(renewing.Name.ToString(), renewing.Csr(own).Renews().Pem());
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task T44_PowersOfACa_Are400AndNeverIssued()
    {
        var instance = await house.Launch();
        var oracle = await Oracle.Watch(ca, output, instance);
        (string What, string Oid, Action<AsnWriter> Value)[] powers =
        [
            ("CA:TRUE", "2.5.29.19", Raw(CsrParts.Sequence(w => w.WriteBoolean(true)))),
            ("CA:FALSE", "2.5.29.19", Raw(CsrParts.Sequence(_ => { }))),
            ("keyCertSign", "2.5.29.15", w => w.WriteBitString([0b0000_0100], 2)),
            ("cRLSign", "2.5.29.15", w => w.WriteBitString([0b0000_0010], 1)),
            ("nameConstraints", "2.5.29.30", Raw(CsrParts.Sequence(_ => { }))),
            ("anyExtendedKeyUsage", "2.5.29.37", Raw(CsrParts.Sequence(w => w.WriteObjectIdentifier("2.5.29.37.0")))),
            ("codeSigning", "2.5.29.37", Raw(CsrParts.Sequence(w => w.WriteObjectIdentifier("1.3.6.1.5.5.7.3.3")))),
            ("authorityInfoAccess", "1.3.6.1.5.5.7.1.1", Raw(CsrParts.Sequence(_ => { }))),
            ("CRL distribution points", "2.5.29.31", Raw(CsrParts.Sequence(_ => { }))),
            ("policies", "2.5.29.32", Raw(CsrParts.Sequence(_ => { }))),
            ("a subject key identifier", "2.5.29.14", w => w.WriteOctetString(new byte[20])),
            ("anything", "1.2.3.4", Raw(CsrParts.Sequence(_ => { }))),
        ];

        foreach (var (what, oid, value) in powers)
        {
            await oracle.Is400(what, instance.Name, instance.Csr(key).Extension(oid, value), Reason.CsrExtension);
            await oracle.Is400(
                $"{what}, critical", instance.Name, instance.Csr(key).Extension(oid, value, critical: true), Reason.CsrExtension);
            var other = CsrParts.Sequence(
                list => { using (list.PushSequence()) { list.WriteObjectIdentifier(oid); list.WriteOctetString(CsrBuilder.Asn(value)); } });
            await oracle.Is400($"{what}, by Microsoft's attribute", instance.Name,
                instance.Csr(key).Attribute(MicrosoftExtensions, Raw(other)), Reason.CsrAttribute);
        }

        await oracle.Holds();
        using var issued = X509Certificate2.CreateFromPem((await ca.Certificate(instance.Name))!);
        Assert.Equal((false, true), issued.Extensions.OfType<X509BasicConstraintsExtension>().Single() is var basic
            ? (basic.CertificateAuthority, basic.Critical)
            : default);
        Assert.Equal(X509KeyUsageFlags.DigitalSignature, issued.Extensions.OfType<X509KeyUsageExtension>().Single().KeyUsages);
        Assert.Equal(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"],
            issued.Extensions.OfType<X509EnhancedKeyUsageExtension>().Single().EnhancedKeyUsages.Cast<Oid>().Select(o => o.Value));
    }

    [Fact]
    public async Task T50_DoubledOrUndecodable_Is400()
    {
        var instance = await house.Launch();
        var oracle = await Oracle.Watch(ca, output, instance);
        var name = instance.Name.ToString();
        var emptyRequest = new Action<AsnWriter>(w => w.PushSequence().Dispose());
        (string What, CsrBuilder Request, Reason Reason)[] table =
        [
            ("alternative names twice", instance.Csr(key).DnsNames(name).DnsNames("evil"), Reason.CsrExtension),
            ("pp_role twice", instance.Csr(key).PuppetExtension(Role, "a").PuppetExtension(Role, "b"), Reason.CsrExtension),
            ("extensionRequest twice", instance.Csr(key).DnsNames(name).Attribute(CsrBuilder.ExtensionRequest, emptyRequest),
                Reason.CsrAttribute),
            ("extensionRequest of two values", instance.Csr(key).Attribute(CsrBuilder.ExtensionRequest, emptyRequest, emptyRequest),
                Reason.CsrAttribute),
            ("a critical pp_role", instance.Csr(key).Extension(Role, CsrParts.Utf8("x"), critical: true), Reason.CsrExtension),
            ("pp_role as OCTET STRING", instance.Csr(key).Extension(Role, w => w.WriteOctetString("x"u8)), Reason.CsrExtension),
            ("otherName", Named(0), Reason.CsrSan), ("x400Address", Named(3), Reason.CsrSan), ("directoryName", Named(4), Reason.CsrSan),
            ("ediPartyName", Named(5), Reason.CsrSan),
            ("registeredID", Named(8), Reason.CsrSan), ("a kind that does not exist", Named(9), Reason.CsrSan),
            ("names that are an INTEGER", instance.Csr(key).Extension(CsrBuilder.SubjectAltName, w => w.WriteInteger(1)), Reason.CsrSan),
            ("no names", instance.Csr(key).Extension(CsrBuilder.SubjectAltName, emptyRequest), Reason.CsrSan),
            ("a tail behind the names",
                instance.Csr(key).Extension(CsrBuilder.SubjectAltName, w => { Names(Tagged(2, name))(w); w.WriteNull(); }), Reason.CsrSan),
        ];

        foreach (var (what, request, reason) in table)
            await oracle.Is400(what, instance.Name, request, reason);

        await oracle.Holds();

        CsrBuilder Named(int tag) => instance.Csr(key).Extension(CsrBuilder.SubjectAltName, CsrParts.GeneralName(tag, [10, 0, 0, 1]));
    }

    private static Action<AsnWriter> Raw(byte[] der) => w => w.WriteEncodedValue(der);

    private static byte[] Tagged(int tag, string text) => Tagged(tag, Encoding.ASCII.GetBytes(text));

    private static byte[] Tagged(int tag, byte[] content) =>
        CsrBuilder.Asn(w => w.WriteOctetString(content, new Asn1Tag(TagClass.ContextSpecific, tag)));

    private static Action<AsnWriter> Names(params byte[][] names) => w =>
    {
        using (w.PushSequence())
        {
            foreach (var name in names)
                w.WriteEncodedValue(name);
        }
    };

    private static IEnumerable<string> NamesOf(string pem)
    {
        using var certificate = X509Certificate2.CreateFromPem(pem);
        var names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single();
        Assert.Empty(names.EnumerateIPAddresses());
        return [.. names.EnumerateDnsNames()];
    }
}
