using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.TestSupport;
using Xunit.Abstractions;

namespace Overture.CertAuthority.Tests.Threats;

/// <summary>Threats §2.3 C: names that look like others, names that are none, names in the wrong place.</summary>
[Collection(ThreatCollection.Name), Trait("Category", "integration")]
public sealed class ThreatsCNames(CaFixture house, ITestOutputHelper output) : IDisposable
{
    private readonly RunningCa ca = house.Ca;
    private readonly ECDsa key = CsrBuilder.EcKey();

    public void Dispose() => key.Dispose();

    [Fact]
    public async Task T45_HostileCharactersInTheName_Are400()
    {
        var instance = await house.Launch();
        var oracle = await Oracle.Watch(ca, output, instance);
        var name = instance.Name.ToString();
        (string What, string Text)[] characters =
        [
            ("NUL", "\0"), ("CR", "\r"), ("LF", "\n"), ("TAB", "\t"), ("ESC", "\u001b"), ("backspace", "\b"), ("DEL", "\u007f"),
                ("NEL", "\u0085"), ("no-break space", "\u00a0"),
            ("soft hyphen", "\u00ad"), ("line separator", "\u2028"), ("paragraph separator", "\u2029"), ("BOM", "\ufeff"),
            ("right-to-left override", "\u202e"),
            ("zero-width space", "\u200b"), ("zero-width joiner", "\u200d"), ("combining accent", "\u0301"), ("full-width a", "\uff41"),
            ("Cyrillic a", "\u0430"), ("emoji", "💥"),
        ];
        var sent = 0;

        foreach (var (what, text) in characters)
        {
            foreach (var (
                where, hostile) in new[] { ("before", text + name), ("inside", name[..18] + text + name[18..]), ("after", name + text) })
            {
                await oracle.Is400(
                    $"{what} {where} the name", instance.Name, new CsrBuilder(hostile, key).Challenge(instance.Token), Reason.NameInvalid);
                sent++;
            }
        }

        Assert.Equal(60, sent);
        await oracle.Holds();
    }

    [Fact]
    public async Task T46_OtherSpellingsOfTheUuid_AreOtherNames()
    {
        var instance = await house.Launch();
        var oracle = await Oracle.Watch(ca, output, instance);
        var name = instance.Name.ToString();
        var bare = name.Replace("-", "", StringComparison.Ordinal);
        (string What, string Text)[] spellings =
        [
            ("upper case", name.ToUpperInvariant()), ("one letter upper case", OneUpper(name)), ("braces", $"{{{name}}}"),
                ("parentheses", $"({name})"), ("urn:uuid:", $"urn:uuid:{name}"),
            ("URN:UUID:", $"URN:UUID:{name}"), ("no dashes", bare), ("a leading dot", "." + name), ("a trailing dot", name + "."),
            ("a leading space", " " + name), ("a trailing space", name + " "),
            ("%2d", name.Replace("-", "%2d", StringComparison.Ordinal)), ("%2D", name.Replace("-", "%2D", StringComparison.Ordinal)),
            ("%-encoded first letter", $"%{(int)name[0]:x2}{name[1..]}"),
            ("underscores", name.Replace('-', '_')), ("dots", name.Replace('-', '.')),
            ("hexadecimal structure", $"{{0x{name[..8]},0x{name[9..13]},0x{name[14..18]}}}"), ("quotes", $"\"{name}\""),
            ("a trailing dash", name + "-"), ("twice", name[..32] + bare),
        ];
        Assert.Equal(20, spellings.Distinct().Count());

        foreach (var (what, text) in spellings)
        {
            // Under the genuine URL: never the genuine name.
            var request = new CsrBuilder(text, key).Challenge(instance.Token);
            var isName = CertName.TryParse(text, out var other, out _);
            await oracle.Is400($"{what}, under the genuine URL", instance.Name, request, isName ? Reason.NameMismatch : Reason.NameInvalid);
            // Under its own URL: no name, or another name, which waits for a person.
            if (!isName)
            {
                await oracle.Is400(what, Uri.EscapeDataString(text), request.Pem(), Reason.NameInvalid);
                continue;
            }
            using var answer = await ca.Put(text, request.Pem());
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Empty(await house.Keys(ObjectKeys.ClaimsOf(other)));
            Assert.Null(await ca.Certificate(other));
            oracle.Expect(what, Reason.HeldForApproval);
        }

        Assert.Empty(await house.Keys(ObjectKeys.ClaimsOf(instance.Name)));
        await oracle.Ends();
    }

    [Fact]
    public async Task T47_NameInTheUrlNotTheRequests_Is400()
    {
        var (one, other) = (await house.Launch(), await house.Launch());
        var oracle = await Oracle.Watch(ca, output, one, other);

        await oracle.Is400("A's URL with B's request", one.Name, other.Csr(key), Reason.NameMismatch);
        await oracle.Is400("B's URL with A's request", other.Name, one.Csr(key), Reason.NameMismatch);

        await oracle.Holds();
        foreach (var node in new[] { one, other })
            Assert.Single(await ca.Timeline(node.Name), e => e.Key == "csr-refused:NAME_MISMATCH");
    }

    [Fact]
    public async Task T48_NamesThatAreNoNodes_Are400()
    {
        var instance = await house.Launch();
        var oracle = await Oracle.Watch(ca, output, instance);
        string[] never = ["ca", "localhost", "certauthority-api", "certauthority-other", "admin@example.org", "a..b", "-x", "x-", "a*",
            "a b", "a/b", "a:b", "", new string('a', 65), new string('a', 300)];
        foreach (var name in never)
        {
            if (name.Length > 0)
            {
                await oracle.Is400(
                    $"'{name}'", Uri.EscapeDataString(name), new CsrBuilder(name, key).Challenge(instance.Token).Pem(), Reason.NameInvalid);
            }
            var inside = CertName.TryParse(name, out _, out _) ? Reason.NameMismatch : Reason.NameInvalid;
            await oracle.Is400(
                $"'{name}' under the genuine URL", instance.Name, new CsrBuilder(name, key).Challenge(instance.Token), inside);
        }
        // Puppet's grammar allows these; under the genuine URL they are still another's.
        foreach (var name in new[] { "10.0.0.1", "0.0.0.0", "ca.example.org", "puppet" })
        {
            await oracle.Is400(
                $"'{name}' under the genuine URL", instance.Name, new CsrBuilder(name, key).Challenge(instance.Token), Reason.NameMismatch);
        }
        await oracle.Is400("no name at all", instance.Name,
            new CsrBuilder("", key) { RawSubject = CsrParts.Sequence(_ => { }) }.Challenge(instance.Token), Reason.CsrSubject);

        await oracle.Holds();
    }

    [Fact]
    public async Task T49_SubjectsThatAreNotOneCommonName_Are400()
    {
        var instance = await house.Launch();
        var oracle = await Oracle.Watch(ca, output, instance);
        var name = instance.Name.ToString();
        static (string, UniversalTagNumber, string) Part(string oid, string text) => (oid, UniversalTagNumber.UTF8String, text);
        static Action<AsnWriter> Cn(UniversalTagNumber kind, string text) => CsrBuilder.Rdn((CsrParts.CommonName, kind, text));
        (string What, byte[] Subject)[] subjects =
        [
            ("two RDNs of a name", CsrParts.Subject(CsrBuilder.Rdn(CsrParts.Cn(name)), CsrBuilder.Rdn(CsrParts.Cn("evil")))),
            ("the other one first", CsrParts.Subject(CsrBuilder.Rdn(CsrParts.Cn("evil")), CsrBuilder.Rdn(CsrParts.Cn(name)))),
            ("the same name twice", CsrParts.Subject(CsrBuilder.Rdn(CsrParts.Cn(name)), CsrBuilder.Rdn(CsrParts.Cn(name)))),
            ("a multi-valued RDN", CsrParts.Subject(CsrBuilder.Rdn(CsrParts.Cn(name), Part("2.5.4.10", "x")))),
            ("two names in one RDN", CsrParts.Subject(CsrBuilder.Rdn(CsrParts.Cn("evil"), CsrParts.Cn(name)))),
            ("O and CN", CsrParts.Subject(CsrBuilder.Rdn(Part("2.5.4.10", "x")), CsrBuilder.Rdn(CsrParts.Cn(name)))),
            ("CN and OU", CsrParts.Subject(CsrBuilder.Rdn(CsrParts.Cn(name)), CsrBuilder.Rdn(Part("2.5.4.11", "x")))),
            ("CN and DC", CsrParts.Subject(CsrBuilder.Rdn(CsrParts.Cn(name)), CsrBuilder.Rdn(Part("0.9.2342.19200300.100.1.25", "x")))),
            ("O alone", CsrParts.Subject(CsrBuilder.Rdn(Part("2.5.4.10", name)))),
            ("nothing", CsrParts.Sequence(_ => { })),
            ("BMPString", CsrParts.Subject(Cn(UniversalTagNumber.BMPString, name))),
            ("T61String", CsrParts.Subject(Cn(UniversalTagNumber.T61String, name))),
            ("IA5String", CsrParts.Subject(Cn(UniversalTagNumber.IA5String, name))),
            ("VisibleString", CsrParts.Subject(Cn(UniversalTagNumber.VisibleString, name))),
            ("UniversalString", CsrParts.Subject(CsrParts.RawCn(
                w => w.WriteEncodedValue([0x1C, 0x81, 144, .. new UTF32Encoding(bigEndian: true, byteOrderMark: false).GetBytes(name)])))),
            ("OCTET STRING", CsrParts.Subject(CsrParts.RawCn(w => w.WriteOctetString(Encoding.ASCII.GetBytes(name))))),
            ("invalid UTF-8", CsrParts.Subject(CsrParts.RawCn(w => w.WriteEncodedValue([0x0C, 2, 0xC3, 0x28])))),
            ("invalid PrintableString", CsrParts.Subject(CsrParts.RawCn(w => w.WriteEncodedValue([0x13, 2, (byte)'a', (byte)'_'])))),
        ];

        foreach (var (what, subject) in subjects)
        {
            await oracle.Is400(
                what, instance.Name, new CsrBuilder("", key) { RawSubject = subject }.Challenge(instance.Token), Reason.CsrSubject);
        }
        await oracle.Is400("Microsoft's twin of extensionRequest", instance.Name,
            instance.Csr(key).Attribute("1.3.6.1.4.1.311.2.1.14", w => w.PushSequence().Dispose()), Reason.CsrAttribute);

        await oracle.Holds();
    }

    private static string OneUpper(string name)
    {
        var at = name.IndexOfAny([.. "abcdef"]);
        return name[..at] + char.ToUpperInvariant(name[at]) + name[(at + 1)..];
    }
}
