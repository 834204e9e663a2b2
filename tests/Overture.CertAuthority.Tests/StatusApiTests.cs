using System.Net;
using System.Net.Http.Headers;
using System.Numerics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Overture.CertAuthority.PuppetApi;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>
/// The part of the CA API that `puppetserver ca` uses: codes, bodies and media types of docs/puppet-contracts.md §1.4-§1.6.
/// </summary>
[Collection(CaCollection.Name), Trait("Category", "integration")]
public sealed class StatusApiTests(CaFixture house) : IAsyncLifetime
{
    private readonly RunningCa ca = house.Ca;
    private CertifiedClient admin = null!;

    public async Task InitializeAsync() => admin = await ca.Administrator();

    public Task DisposeAsync()
    {
        admin.Dispose();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task Status_Signed_HasEveryField()
    {
        using var node = await ca.Node(l => l.DnsAltNames.Add("web.example.org"));

        var (answer, status) = await Get($"certificate_status/{node.Name}");

        Assert.Equal("application/json", answer.Content.Headers.ContentType?.MediaType);
        Assert.Equal(("signed", $"{node.Name}"), (status.GetProperty("state").GetString(), status.GetProperty("name").GetString()));
        Assert.Equal([$"DNS:{node.Name}", "DNS:web.example.org"], Texts(status.GetProperty("dns_alt_names")));
        Assert.Equal([$"DNS:{node.Name}", "DNS:web.example.org"], Texts(status.GetProperty("subject_alt_names")));
        Assert.Empty(status.GetProperty("authorization_extensions").EnumerateObject());
        var sha256 = string.Join(':', node.Certificate.GetCertHashString(HashAlgorithmName.SHA256).Chunk(2).Select(c => new string(c)));
        Assert.Equal(sha256, status.GetProperty("fingerprint").GetString());
        Assert.Equal(["SHA1", "SHA256", "SHA512", "default"], status.GetProperty("fingerprints").EnumerateObject().Select(f => f.Name));
        Assert.Equal(new BigInteger(node.Certificate.SerialNumberBytes.Span, true, true),
            BigInteger.Parse(status.GetProperty("serial_number").GetRawText(), System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(node.Certificate.NotAfter.ToUniversalTime().ToString(
            "yyyy-MM-dd'T'HH:mm:ss'UTC'", System.Globalization.CultureInfo.InvariantCulture), status.GetProperty("not_after").GetString());
        Assert.Equal("true", (await Get($"certificate_status/{admin.Name}")).Json.GetProperty("authorization_extensions")
            .GetProperty("pp_cli_auth").GetString());
    }

    [Fact]
    public async Task Status_Held_HasTheFingerprintTheAgentPrints()
    {
        var (name, request) = await Held("status-held.example.org");

        var (_, status) = await Get($"certificate_status/{name}");

        Assert.Equal("requested", status.GetProperty("state").GetString());
        Assert.Equal(Convert.ToHexString(SHA256.HashData(request)),
            status.GetProperty("fingerprint").GetString()!.Replace(":", "", StringComparison.Ordinal));
        Assert.False(status.TryGetProperty("serial_number", out _));
        using var answer = await admin.Http.GetAsync(new Uri($"certificate_request/{name}", UriKind.Relative));
        var shown = await answer.Content.ReadAsStringAsync();
        Assert.StartsWith("-----BEGIN CERTIFICATE REQUEST-----", shown, StringComparison.Ordinal);
        Assert.True(Convert.FromBase64String(shown[PemEncoding.Find(shown).Base64Data]).AsSpan().IndexOf("a secret"u8) < 0);
        using var stranger = await ca.Get($"certificate_request/{name}");
        Assert.Equal(HttpStatusCode.NotFound, stranger.StatusCode);
    }

    [Fact]
    public async Task Statuses_ByState_ShowEachName()
    {
        using var node = await ca.Node();
        var (waiting, _) = await Held("statuses-held.example.org");
        using var gone = await ca.Node();
        await Put(gone.Name, """{"desired_state":"revoked"}""", HttpStatusCode.NoContent);

        Assert.Contains($"{node.Name}", await Names("?state=signed"));
        Assert.DoesNotContain($"{gone.Name}", await Names("?state=signed"));
        Assert.Contains($"{gone.Name}", await Names("?state=revoked"));
        Assert.Contains($"{waiting}", await Names("?state=requested"));
        Assert.Superset(new HashSet<string> { $"{node.Name}", $"{gone.Name}", $"{waiting}" }, (await Names("?state=nonsense")).ToHashSet());
        using var bare = await admin.Http.GetAsync(new Uri("certificate_statuses/", UriKind.Relative));
        Assert.Equal((HttpStatusCode.BadRequest, "Missing URL Segment"), (bare.StatusCode, await bare.Content.ReadAsStringAsync()));
    }

    [Theory]
    [InlineData("text/plain", """{"desired_state":"signed"}""", HttpStatusCode.UnsupportedMediaType, "")]
    [InlineData("text/pson", """{"desired_state":"signed"}""", HttpStatusCode.UnsupportedMediaType, "")]
    [InlineData("application/json", "", HttpStatusCode.BadRequest, "Empty request body.")]
    [InlineData("application/json", "nonsense", HttpStatusCode.BadRequest, "Request body is not JSON.")]
    [InlineData("application/json", "{}", HttpStatusCode.BadRequest, "Missing required parameter \"desired_state\"")]
    [InlineData("application/json", "[]", HttpStatusCode.BadRequest, "Missing required parameter \"desired_state\"")]
    [InlineData("application/json", """{"desired_state":"eaten"}""", HttpStatusCode.BadRequest,
        "State eaten invalid; Must specify desired state of 'signed' or 'revoked' for host nobody.")]
    [InlineData("application/json", """{"desired_state":"signed","cert_ttl":"1h"}""", HttpStatusCode.BadRequest,
        "cert_ttl specified for host nobody must be an integer, not \"1h\"")]
    [InlineData("application/json", """{"desired_state":"signed","cert_ttl":-5}""", HttpStatusCode.BadRequest,
        "cert_ttl specified for host nobody must be an integer, not \"-5\"")]
    [InlineData("application/json", """{"desired_state":"signed"}""", HttpStatusCode.NotFound, "Invalid certificate subject.")]
    [InlineData("application/json", """{"desired_state":"revoked"}""", HttpStatusCode.NotFound, "Invalid certificate subject.")]
    public async Task PutStatus_WrongOrUnknown_SaysWhichRule(string type, string body, HttpStatusCode code, string text)
    {
        using var content = new StringContent(body, Encoding.UTF8);
        content.Headers.ContentType = new MediaTypeHeaderValue(type);
        using var answer = await admin.Http.PutAsync(new Uri("certificate_status/nobody", UriKind.Relative), content);

        Assert.Equal(code, answer.StatusCode);
        if (text.Length > 0)
            Assert.Equal(text, await answer.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData("3600"), InlineData("\"3600\"")]
    public async Task PutStatus_Signed_SignsForTheTimeGiven(string ttl)
    {
        var (name, _) = await Held($"ttl-{ttl.Length}.example.org", defined: true);
        var begun = TimeProvider.System.GetUtcNow();

        await Put(name, $$"""{"desired_state":"signed","cert_ttl":{{ttl}}}""", HttpStatusCode.NoContent);

        using var certificate = X509Certificate2.CreateFromPem((await ca.Certificate(name))!);
        Assert.InRange(certificate.NotAfter.ToUniversalTime(), begun.AddMinutes(59).UtcDateTime, begun.AddMinutes(62).UtcDateTime);
        await Put(name, """{"desired_state":"signed"}""", HttpStatusCode.Conflict,
            $"Cannot sign certificate for host {name} without a certificate request");
    }

    [Fact]
    public async Task PutStatus_SignedWithoutDefinition_IsAConflictThatSaysTheNextStep()
    {
        var (name, _) = await Held("undefined.example.org");

        var said = await Put(name, """{"desired_state":"signed"}""", HttpStatusCode.Conflict);

        Assert.Contains("overture node set undefined.example.org", said, StringComparison.Ordinal);
        Assert.Single(await house.Keys(ObjectKeys.HeldRequestsOf(name)));
        Assert.Empty(await house.Keys(ObjectKeys.ClaimsOf(name)));
    }

    [Fact]
    public async Task PutStatus_Revoked_TwiceIsOneRevocation_AndOfARequestAConflict()
    {
        using var node = await ca.Node();
        await Put(node.Name, """{"desired_state":"revoked"}""", HttpStatusCode.NoContent);
        var number = (await ca.Admin.GetCrlAsync(new())).Number;

        await Put(node.Name, """{"desired_state":"revoked"}""", HttpStatusCode.NoContent);

        Assert.Equal(number, (await ca.Admin.GetCrlAsync(new())).Number);
        Assert.Equal("revoked", (await Get($"certificate_status/{node.Name}")).Json.GetProperty("state").GetString());
        var (waiting, _) = await Held("revoke-held.example.org");
        await Put(waiting, """{"desired_state":"revoked"}""", HttpStatusCode.Conflict,
            $"Cannot revoke certificate for host {waiting} without a signed certificate");
    }

    [Fact]
    public async Task DeleteStatus_TakesOutOfSightAndRevokesNothing()
    {
        using var node = await ca.Node();

        Assert.Equal(HttpStatusCode.NoContent, await Delete(node.Name));

        Assert.Equal(HttpStatusCode.NotFound, await Delete(node.Name));
        Assert.Null(await ca.Certificate(node.Name));
        Assert.Null(await house.Store.Get(ObjectKeys.Revocation(node.Serial), default));
        // Out of sight, and still revocable.
        await Put(node.Name, """{"desired_state":"revoked"}""", HttpStatusCode.NoContent);
        Assert.NotNull(await house.Store.Get(ObjectKeys.Revocation(node.Serial), default));
        var (waiting, _) = await Held("delete-held.example.org");
        Assert.Equal(HttpStatusCode.NoContent, await Delete(waiting));
        Assert.Empty(await house.Keys(ObjectKeys.HeldRequestsOf(waiting)));
    }

    // Without its own certificate no agent gets in.
    [Fact]
    public async Task OwnCertificate_IsNobodysToSeeOrRevoke()
    {
        const string own = "certauthority-api";
        Assert.DoesNotContain(own, await Names(""));
        await Put(CertName.Parse(own), """{"desired_state":"revoked"}""", HttpStatusCode.NotFound);
        Assert.Equal(HttpStatusCode.NotFound, await Delete(CertName.Parse(own)));
        Assert.StartsWith("The following certs do not exist",
            (await Bulk(HttpMethod.Put, "clean", $$"""{"certnames":["{{own}}"]}""")).Item2, StringComparison.Ordinal);
        var refused = await Assert.ThrowsAsync<Grpc.Core.RpcException>(
            async () => await ca.Admin.RevokeCertificateAsync(new() { Certname = own, Reason = "by mistake" }));
        Assert.Equal("INVALID_FIELD", RpcDetails.Reason(refused));
        Assert.Empty(await house.Keys(ObjectKeys.BlocksOf(CertName.Parse(own))));
    }

    [Fact]
    public async Task RevokedNameWithANewKeyWaiting_IsListedSignedAndRevokedAgain()
    {
        var (name, _) = await Held("again.example.org", defined: true);
        await Put(name, """{"desired_state":"signed"}""", HttpStatusCode.NoContent);
        await Put(name, """{"desired_state":"revoked"}""", HttpStatusCode.NoContent);

        await Held("again.example.org");

        Assert.Equal("requested", (await Get($"certificate_status/{name}")).Json.GetProperty("state").GetString());
        Assert.Contains($"{name}", await Names("?state=requested"));
        await Put(name, """{"desired_state":"signed"}""", HttpStatusCode.NoContent);
        Assert.Equal("signed", (await Get($"certificate_status/{name}")).Json.GetProperty("state").GetString());
    }

    [Fact]
    public async Task DroppedRequest_IsAudited()
    {
        var (name, _) = await Held("dropped.example.org");
        using var answer = await admin.Http.DeleteAsync(new Uri($"certificate_request/{name}", UriKind.Relative));
        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        var record = await Eventually.Get(async () =>
            (await ca.AuditRecords()).FirstOrDefault(r => r.Action == "csr.dropped" && r.Certname == $"{name}"), "the audit says so");
        Assert.Equal($"{admin.Name}", record.Actor);
    }

    [Fact]
    public async Task Clean_Several_RevokesAndHidesThoseThatAre()
    {
        using var one = await ca.Node();
        using var two = await ca.Node();
        var before = (await ca.Admin.GetCrlAsync(new())).Number;

        var (code, said) = await Bulk(HttpMethod.Put, "clean", $$"""{"certnames":["{{one.Name}}","nobody","{{two.Name}}"]}""");

        Assert.Equal((HttpStatusCode.OK, "The following certs do not exist and cannot be revoked: [\"nobody\"]"), (code, said));
        Assert.InRange((await ca.Admin.GetCrlAsync(new())).Number, before + 1, before + 2);
        foreach (var node in new[] { one, two })
        {
            Assert.Null(await ca.Certificate(node.Name));
            Assert.NotNull(await house.Store.Get(ObjectKeys.Revocation(node.Serial), default));
        }
        using var three = await ca.Node();
        Assert.Equal((HttpStatusCode.OK, "Successfully cleaned all certs."),
            await Bulk(HttpMethod.Put, "clean", $$"""{"certnames":["{{three.Name}}"]}"""));
        Assert.Equal(HttpStatusCode.BadRequest, (await Bulk(HttpMethod.Put, "clean", "x")).Item1);
        Assert.StartsWith(
            "Missing required key: 'certnames'.", (await Bulk(HttpMethod.Put, "clean", "{}")).Item2, StringComparison.Ordinal);
        Assert.Equal(
            "Async mode is not currently supported.", (await Bulk(HttpMethod.Put, "clean", """{"certnames":[],"async":true}""")).Item2);
    }

    [Fact]
    public async Task Sign_Several_TellsOfEach()
    {
        await Held("bulk-one.example.org", defined: true);
        await Held("bulk-two.example.org");

        var (code, said) =
            await Bulk(HttpMethod.Post, "sign", """{"certnames":["bulk-one.example.org","bulk-two.example.org","nobody","A B"]}""");

        Assert.Equal(HttpStatusCode.OK, code);
        Assert.Equal("""{"signed":["bulk-one.example.org"],"no-csr":["A B","nobody"],"signing-errors":["bulk-two.example.org"]}""", said);
        Assert.NotNull(await ca.Certificate(CertName.Parse("bulk-one.example.org")));
        foreach (var wrong in new[] { "{}", """{"certnames":[1]}""", """{"certnames":"a"}""", "x" })
        {
            (code, said) = await Bulk(HttpMethod.Post, "sign", wrong);
            Assert.Equal(HttpStatusCode.UnprocessableEntity, code);
            Assert.Contains("\"kind\":\"schema-violation\"", said, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task SignAll_SignsWhatIsDefined()
    {
        var (name, _) = await Held("all-one.example.org", defined: true);

        var (code, said) = await Bulk(HttpMethod.Post, "sign/all", "{}");

        Assert.Equal(HttpStatusCode.OK, code);
        Assert.Contains("all-one.example.org", Texts(JsonDocument.Parse(said).RootElement.GetProperty("signed")));
        Assert.NotNull(await ca.Certificate(name));
    }

    [Fact]
    public async Task Expirations_NamesEveryCaAndList()
    {
        using var node = await ca.Node();
        using var answer = await node.Http.GetAsync(new Uri("expirations", UriKind.Relative));

        var json = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;

        Assert.Equal(["ca-certs", "crls"], json.EnumerateObject().Select(p => p.Name));
        Assert.All(json.EnumerateObject(), p => Assert.Equal(["Puppet CA: test", "Puppet Root CA: "], p.Value.EnumerateObject()
            .Select(c => c.Name[..Math.Min(c.Name.Length, 16)] is "Puppet Root CA: " ? "Puppet Root CA: " : c.Name)));
        Assert.All(json.EnumerateObject().SelectMany(p => p.Value.EnumerateObject()), c =>
            Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dUTC$", c.Value.GetString()!));
    }

    private async Task<(CertName, byte[] Request)> Held(string certname, bool defined = false)
    {
        var name = CertName.Parse(certname);
        using var key = CsrBuilder.EcKey();
        var request = new CsrBuilder(certname, key).Challenge("a secret");
        var der = request.Der();
        using var answer = await ca.Put(certname, PemEncoding.WriteString("CERTIFICATE REQUEST", der) + "\n");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        if (defined)
            await house.Store.PutIfAbsent(ObjectKeys.Node(name), "classes: {}\n"u8.ToArray(), default);
        return (name, der);
    }

    private async Task<(HttpResponseMessage Answer, JsonElement Json)> Get(string path)
    {
        var answer = await admin.Http.GetAsync(new Uri(path, UriKind.Relative));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return (answer, JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement);
    }

    private async Task<IReadOnlyList<string>> Names(string query) =>
        [.. (await Get($"certificate_statuses/any_key{query}")).Json.EnumerateArray().Select(n => n.GetProperty("name").GetString()!)];

    private async Task<string> Put(CertName name, string body, HttpStatusCode expected, string? text = null)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await admin.Http.PutAsync(new Uri($"certificate_status/{name}", UriKind.Relative), content);
        var said = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == expected, $"{answer.StatusCode}: {said}");
        if (text is not null)
            Assert.Equal(text, said);
        return said;
    }

    private async Task<HttpStatusCode> Delete(CertName name)
    {
        using var answer = await admin.Http.DeleteAsync(new Uri($"certificate_status/{name}", UriKind.Relative));
        return answer.StatusCode;
    }

    private async Task<(HttpStatusCode, string)> Bulk(HttpMethod method, string path, string body)
    {
        using var request = new HttpRequestMessage(
            method, new Uri(path, UriKind.Relative)) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        using var answer = await admin.Http.SendAsync(request);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    private static IEnumerable<string> Texts(JsonElement array) => array.EnumerateArray().Select(e => e.GetString()!);
}
