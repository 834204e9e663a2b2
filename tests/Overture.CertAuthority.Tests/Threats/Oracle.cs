using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Enrollment;
using Overture.CertAuthority.Policy;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;
using Xunit.Abstractions;

namespace Overture.CertAuthority.Tests.Threats;

/// <summary>
/// What hostile requests must leave behind (docs/threats.md §2.1, NEG): the status that was said, nothing new in the store, exactly one
/// audit record each, no secret anywhere, and a genuine node that still gets in with its own token. It writes down what was sent and what
/// the store held.
/// </summary>
public sealed class Oracle
{
    private static readonly string[] Watched = [ObjectKeys.Claims, ObjectKeys.Certificates, ObjectKeys.HeldRequests];
    private readonly RunningCa ca;
    private readonly ITestOutputHelper output;
    private readonly DateTimeOffset from = TimeProvider.System.GetUtcNow();
    private readonly ConcurrentQueue<string> expected = [];
    private readonly ConcurrentQueue<string> said = [];
    private readonly SecretSearch search;
    private readonly IReadOnlyList<string> before;
    private readonly string? lastBatch;
    private readonly Launched[] genuine;

    private Oracle(RunningCa ca, ITestOutputHelper output, IReadOnlyList<string> before, string? lastBatch, Launched[] genuine)
    {
        (this.ca, this.output, this.before, this.lastBatch, this.genuine) = (ca, output, before, lastBatch, genuine);
        search = new SecretSearch(ca);
        foreach (var node in genuine)
            search.Add(node.Token);
    }

    private CaFixture House => ca.House;
    private string Stream => ObjectKeys.AuditOf("certauthority", ca.Options.Replica);

    /// <param name="ca">The service under attack.</param>
    /// <param name="output">Where the row says what it saw.</param>
    /// <param name="genuine">The nodes that are attacked, and that must still get their certificates afterwards.</param>
    public static async Task<Oracle> Watch(RunningCa ca, ITestOutputHelper output, params Launched[] genuine)
    {
        var batches = await ca.House.Keys(ObjectKeys.AuditOf("certauthority", ca.Options.Replica));
        return new Oracle(ca, output, await Held(ca.House), batches.Count > 0 ? batches[^1] : null, genuine);
    }

    /// <summary>Text that must turn up nowhere, beside every token the house gave out.</summary>
    public void Secret(string text) => search.Add(text);

    public Task Is403(string what, CertName name, CsrBuilder request, Reason reason) => Is403(what, name.ToString(), request.Pem(), reason);

    /// <summary>Not authorized: the one answer, byte for byte.</summary>
    public async Task Is403(string what, string name, string body, Reason reason)
    {
        using var answer = await ca.Put(name, body);
        await Check403(what, name, answer, reason);
    }

    public async Task Check403(string what, string name, HttpResponseMessage answer, Reason reason)
    {
        Assert.Equal((what, TheOne403), (what, await Whole(answer)));
        Refused(what, name, answer, reason);
    }

    public Task Is400(string what, CertName name, CsrBuilder request, Reason reason) => Is400(what, name.ToString(), request.Pem(), reason);

    /// <summary>Against a rule of form, for every caller.</summary>
    public async Task Is400(string what, string name, string body, Reason reason)
    {
        using var answer = await ca.Put(name, body);
        await Check400(what, name, answer, reason);
    }

    public async Task Check400(string what, string name, HttpResponseMessage answer, Reason reason)
    {
        var text = await Whole(answer);
        Assert.StartsWith($"{what}: {(reason == Reason.CsrTooLarge ? 413 : 400)}", $"{what}: {text}", StringComparison.Ordinal);
        Assert.Contains($"\n{reason.Code()}: ", text, StringComparison.Ordinal);
        Refused(what, name, answer, reason);
    }

    /// <summary>Not now: the agent comes again by itself, if it gets a Retry-After.</summary>
    public async Task Is503(string what, CertName name, CsrBuilder request, Reason reason)
    {
        using var answer = await ca.Put(name.ToString(), request.Pem());
        Assert.Contains("Retry-After: ", await Whole(answer), StringComparison.Ordinal);
        Assert.Equal((what, HttpStatusCode.ServiceUnavailable), (what, answer.StatusCode));
        Refused(what, name.ToString(), answer, reason);
    }

    /// <summary>A refusal that the test itself has looked at.</summary>
    public void Expect(string what, Reason reason)
    {
        expected.Enqueue(reason.Code());
        output.WriteLine($"sent {what}: {reason.Code()}");
    }

    /// <summary>Text of any other kind that must hold no secret.</summary>
    public void NotIn(string text) => search.Clean(text, "a text");

    /// <summary>An answer like any other: without secrets.</summary>
    public async Task<string> Whole(HttpResponseMessage answer)
    {
        var headers = answer.Headers.Concat(answer.Content.Headers).Where(h => h.Key != "Date")
            .Select(h => $"{h.Key}: {string.Join(',', h.Value)}").Order(StringComparer.Ordinal);
        var text = $"{(int)answer.StatusCode}\n{string.Join('\n', headers)}\n\n{await answer.Content.ReadAsStringAsync()}";
        said.Enqueue(text);
        return text;
    }

    /// <summary>The whole verdict. Each genuine node must get its certificate with the token that was attacked.</summary>
    public async Task Holds()
    {
        // (b) Nothing came of it.
        Assert.Equal(before, await Held(House));
        output.WriteLine($"the store held afterwards: no new claim, certificate or held request ({before.Count} keys as before)");
        await Ends();
    }

    /// <summary>As <see cref="Holds"/>, for a row in which something may come of it, which the test itself has looked at.</summary>
    public async Task Ends()
    {
        var standing = await Held(House);
        // (c) The genuine node comes last; where it may not, another closes the books.
        var comers = genuine.Length > 0 ? genuine : [await House.Launch()];
        foreach (var node in comers)
            await Enrols(node);
        var fresh = (await Held(House)).Except(standing).ToList();
        Assert.Equal(comers.Length, fresh.Count(k => k.StartsWith(ObjectKeys.Claims, StringComparison.Ordinal)));
        Assert.Equal(comers.Length, fresh.Count(k => k.StartsWith(ObjectKeys.Certificates, StringComparison.Ordinal)));
        Assert.Equal(2 * comers.Length, fresh.Count);
        // (d) The audit log, up to the genuine node's certificate.
        var denied = (await Records(comers[^1].Name)).Where(r => r.Outcome == "deny").Select(r => r.Decision.Reason)
            .Order(StringComparer.Ordinal);
        Assert.Equal(expected.Order(StringComparer.Ordinal), denied);
        output.WriteLine($"the audit log: {string.Join(", ", expected.GroupBy(r => r).Select(g => $"{g.Count()} x deny {g.Key}"))}");
        // (e) Secrets.
        search.FindNothing(from, said);
    }

    private async Task Enrols(Launched node)
    {
        using var key = CsrBuilder.EcKey();
        using var answer = await ca.Put(node, key);
        Assert.Equal((node.Name, HttpStatusCode.OK), (node.Name, answer.StatusCode));
        var pem = await ca.Certificate(node.Name);
        Assert.NotNull(pem);
        output.WriteLine($"then {node.Name} with its own token: 200, one claim, one certificate");
    }

    private void Refused(string what, string name, HttpResponseMessage answer, Reason reason)
    {
        expected.Enqueue(reason.Code());
        output.WriteLine($"sent {what} as {(name.Length > 80 ? name[..80] : name)}: {(int)answer.StatusCode} {reason.Code()}");
    }

    private async Task<IReadOnlyList<AuditRecord>> Records(CertName last) => await Eventually.Get(async () =>
    {
        var records = new List<AuditRecord>();
        await foreach (var key in House.Store.List(Stream, lastBatch, default))
            records.AddRange((await House.Store.Get<AuditBatch>(key, default))!.Records.Select(RecordJson.Read<AuditRecord>));
        var end = records.FindIndex(r => r.Action == "cert.released" && r.Certname == last.ToString());
        return end < 0 ? null : (IReadOnlyList<AuditRecord>)[.. records.Take(end).Where(IsOfThisRow)];
    }, "the audit log holds the genuine node's certificate");

    // A batch may begin with what an earlier row left in the queue; and where a row's own clock is ahead, the sweep of its replica ends
    // claims that earlier rows left unfinished, which answers no request.
    private bool IsOfThisRow(AuditRecord record) =>
        (ca.Options.Clock is not null || record.At.ToDateTimeOffset() >= from)
            && !(record.Action == "claim.voided" && record.Actor == Audit.Caller.Own("sweep").Actor);

    private static async Task<IReadOnlyList<string>> Held(CaFixture house)
    {
        var keys = new List<string>();
        foreach (var prefix in Watched)
            keys.AddRange(await house.Keys(prefix));
        return keys;
    }

    private const string TheOne403 =
        "403\nContent-Length: 105\nContent-Type: text/plain\nX-Puppet-Version: 7.23.0\n\n"
        + "This request is not authorized. The cause is in the CA's audit log, and in the timeline of the instance.\n";
}
