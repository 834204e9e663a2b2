namespace Overture.Platform.Records;

/// <summary>Every key of the object store (docs/architecture.md), who writes it, and what it holds.</summary>
public static class ObjectKeys
{
    /// <summary>First parts of the keys of what services read as records and documents.</summary>
    internal static IReadOnlyList<string> Kinds { get; } =
    [
        "audit", "audit-keys", "ca", "classification", "deployment", "events", "fences", "first-boot", "history", "instances", "launches",
        "nodes", "observations", "pki", "profiles", "requests", "service-keys", "snapshots", "userdata",
    ];

    /// <summary>CertAuthority or the Conductor, whichever starts first on a new store. StoreId.</summary>
    public const string StoreId = "deployment/id";

    /// <summary>Conductor. LaunchRequestRecord.</summary>
    /// <param name="caller">As records say it; of "jo (operator)" the name counts.</param>
    public static string Request(string caller, string requestId) => $"requests/{caller.Split(" (")[0]}/{requestId}";

    public const string Launches = "launches/";
    /// <summary>Conductor. SignedLaunch.</summary>
    public static string Launch(CertName name) => $"{Launches}{name}";

    public const string Profiles = "profiles/";
    /// <summary>People, Conductor for them. start_instance.yaml, or a LaunchSpec as proto JSON; mutable.</summary>
    public static string Profile(string name) => $"{Profiles}{name}";

    public const string Nodes = "nodes/";
    /// <summary>Conductor at launch, then Classifier or a person. YAML node definition.</summary>
    public static string Node(CertName name) => $"{Nodes}{name}";

    /// <summary>Classifier for people, or people. YAML: defaults and groups; mutable.</summary>
    public const string Layers = "classification/layers";

    /// <summary>Classifier. NodeHistory of the layers ("layers") or of a profile ("profile-NAME"); ids sort by time.</summary>
    public static string DocumentHistoryOf(string document) => $"classification/history/{document}/";
    public static string DocumentHistory(string document, string id) => $"classification/history/{document}/{id}";

    /// <summary>Classifier; Conductor archives at terminate. NodeHistory; ids sort by time.</summary>
    public static string HistoryOf(CertName name) => $"history/{name}/";
    public static string History(CertName name, string id) => $"history/{name}/{id}";

    public const string Facts = "instances/";
    /// <summary>Conductor. InstanceFact.</summary>
    public static string FactsOf(CertName name) => $"{Facts}{name}/";
    public static string Fact(CertName name, string @event) => $"{Facts}{name}/{@event}";

    /// <summary>Conductor. FirstBootRecord; mutable.</summary>
    public static string FirstBoot(CertName name) => $"{FirstBoots}{name}";
    public const string FirstBoots = "first-boot/";

    public const string UserData = "userdata/";
    /// <summary>
    /// Conductor. User data with its token, in clear, behind a URL that expires; gone once the instance converged or ended.
    /// </summary>
    public static string UserDataOf(CertName name) => $"{UserData}{name}/";
    public static string UserDataObject(CertName name, string unguessable) => $"{UserData}{name}/{unguessable}";

    public const string Claims = "ca/claims/";
    /// <summary>CertAuthority. Claim.</summary>
    public static string ClaimsOf(CertName name) => $"{Claims}{name}/";
    public static string Claim(CertName name, string claim) => $"{Claims}{name}/{claim}";
    /// <summary>How the claims of administrators' certificates begin.</summary>
    public const string AdminClaim = "admin-";

    public const string Certificates = "ca/certs/";
    /// <summary>CertAuthority. CertificateRecord.</summary>
    public static string Certificate(string serial) => $"{Certificates}{serial}";

    public const string Unclaimed = "ca/unclaimed/";
    /// <summary>CertAuthority. CertificateRecord: a certificate of this CA without a claim.</summary>
    public static string UnclaimedCertificate(string serial) => $"{Unclaimed}{serial}";

    /// <summary>CertAuthority. Issuer; mutable.</summary>
    public static string Issuer(string keyId) => $"ca/issuers/{keyId}";

    public const string Blocks = "ca/blocks/";
    /// <summary>CertAuthority. Block.</summary>
    public static string BlocksOf(CertName name) => $"{Blocks}{name}/";
    public static string Block(CertName name, string id) => $"{Blocks}{name}/{id}";

    public const string Revocations = "ca/revoked/";
    /// <summary>CertAuthority. Revocation.</summary>
    public static string Revocation(string serial) => $"{Revocations}{serial}";

    /// <summary>CertAuthority. Closure: the last record of a terminated name.</summary>
    public static string Closed(CertName name) => $"ca/closed/{name}";

    public const string Crls = "ca/crl/";
    /// <summary>CertAuthority. CrlRecord.</summary>
    public static string Crl(long number) => $"{Crls}{number:D20}";

    public const string HeldRequests = "ca/requests/";
    /// <summary>CertAuthority. HeldRequest.</summary>
    public static string HeldRequestsOf(CertName name) => $"{HeldRequests}{name}/";
    public static string HeldRequest(CertName name, string spki) => $"{HeldRequests}{name}/{spki}";

    /// <summary>CertAuthority. Denial.</summary>
    public static string DenialsOf(CertName name) => $"ca/denied/{name}/";
    public static string Denial(CertName name, string spki) => $"ca/denied/{name}/{spki}";

    public const string Cleanings = "ca/cleaned/";
    /// <summary>CertAuthority. Cleaning.</summary>
    public static string Cleaning(string serial) => $"{Cleanings}{serial}";

    /// <summary>CertAuthority. BlockedKey.</summary>
    public static string BlockedKey(string spki) => $"ca/blocked-keys/{spki}";

    /// <summary>CertAuthority. ParentCrl.</summary>
    public static string ParentCrlsOf(string keyId) => $"ca/parents/{keyId}/";
    /// <param name="keyId">Of the CA above.</param>
    /// <param name="list">Tells its lists apart: its thisUpdate and a hash. Before, its number.</param>
    public static string ParentCrl(string keyId, string list) => $"ca/parents/{keyId}/{list}";

    /// <summary>CertAuthority. ImportDone: the CA of that key id was moved in, and all of it is in the store.</summary>
    public static string Imported(string keyId) => $"ca/imported/{keyId}";

    /// <summary>CertAuthority. KeyOwner: binds a key to the first name that claimed it (one name per key).</summary>
    public static string KeyOwner(string spki) => $"ca/keys/{spki}";

    /// <summary>Each service. AuditBatch.</summary>
    public static string AuditOf(string service, string replica) => $"audit/{service}/{replica}/";
    public static string Audit(string service, string replica, long sequence) => $"audit/{service}/{replica}/{sequence:D20}";

    public const string StockCertificates = "ca/stock/";
    /// <summary>
    /// CertAuthority. CertificateRecord: what puppetserver's own CA made of a claim. A namespace of its own: its serials are not ours.
    /// </summary>
    public static string StockCertificate(CertName name) => $"{StockCertificates}{name}/certificate";
    /// <summary>CertAuthority. Revocation: it is on puppetserver's CRL.</summary>
    public static string StockRevocation(CertName name) => $"{StockCertificates}{name}/revoked";

    /// <summary>CertAuthority. StockBaseline.</summary>
    public const string StockBaseline = "ca/stock-baseline";
    /// <summary>CertAuthority. StockUnclaimed.</summary>
    public static string StockUnclaimed(string fingerprint) => $"ca/stock-unclaimed/{fingerprint}";

    /// <summary>Each service. ServiceKey.</summary>
    public static string ServiceKey(string spki) => $"service-keys/{spki}";

    /// <summary>
    /// CertAuthority, for who holds the CA's key. PEM of a list of revoked certificates, signed by the CA of the internal PKI with this
    /// key.
    /// </summary>
    public static string InternalCrlsOf(string spki) => $"pki/crl/{spki}/";
    public static string InternalCrl(string spki, long number) => $"pki/crl/{spki}/{number:D20}";

    public const string AuditStreams = "audit/";
    public const string AuditKeys = "audit-keys/";
    /// <summary>Each service. AuditKeyRecord.</summary>
    public static string AuditKey(string kid) => $"{AuditKeys}{kid}";

    /// <summary>Conductor. SignedObservation; mutable.</summary>
    public static string Observation(CertName name) => $"observations/{name}";

    /// <summary>Conductor. Fence; mutable.</summary>
    public static string Fence(string task) => $"fences/{task}";

    public const string InstanceSnapshots = "snapshots/conductor/";
    /// <summary>Conductor. InstanceChunk, gzip; ids sort by time.</summary>
    public static string InstanceChunk(string id, int number) => $"{InstanceSnapshots}{id}/{number:D5}";
    /// <summary>Conductor. InstanceSnapshot: all chunks of it are there.</summary>
    public static string InstanceSnapshot(string id) => $"{InstanceSnapshots}{id}/whole";

    public const string EventLog = "events/log/";
    /// <summary>Conductor. EventBatch, by the number of its first event.</summary>
    public static string EventBatch(ulong first) => $"{EventLog}{first:D20}";
    public const string EventCheckpoints = "events/checkpoints/";
    /// <summary>Conductor. EventCheckpoint, gzip, by the number of the first event behind it.</summary>
    public static string EventCheckpoint(ulong next) => $"{EventCheckpoints}{next:D20}";
    public const string EventParts = "events/parts/";
    /// <summary>Conductor. A part of the checkpoint of this number: an EventCheckpoint with instances alone, gzip.</summary>
    public static string EventPart(ulong next, string writeId, int part) => $"{EventParts}{next:D20}/{writeId}/{part:D5}";
    /// <summary>Conductor. WebhookPosition; mutable.</summary>
    public static string WebhookPosition(string webhook) => $"events/webhooks/{webhook}";
    public const string DeadLetters = "events/dead/";
    /// <summary>Conductor, until it is replayed or deleted. DeadLetter.</summary>
    public static string DeadLettersOf(string webhook) => $"{DeadLetters}{webhook}/";
    public static string DeadLetter(string webhook, ulong number) => $"{DeadLetters}{webhook}/{number:D20}";

    public const string Probes = "probe/";
}
