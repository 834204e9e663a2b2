namespace Overture.Conductor.Explain;

/// <summary>Why CertAuthority refused a certificate request or lets it wait, by its reason code (docs/errors.md). Pure.</summary>
internal static class RefusalCauses
{
    private const string NewKey = "On the node: puppet ssl clean, then run the agent: it makes another key and another request";
    private const string LaunchAgain = "Launch another: overture instance terminate NAME, then overture launch";

    private static readonly Dictionary<string, (string Means, string Next)> Table = new(StringComparer.Ordinal)
    {
        ["TOKEN_MISSING"] = ("its request came without the one-time token: user data was not used, or csr_attributes.yaml was not there yet",
            "overture instance console NAME shows whether its user data was read"),
        ["TOKEN_MISMATCH"] = ("its request came with another token than this launch's: the user data of another launch, or a guess",
            "Compare the address in overture audit explain NAME with the instance's; launch another if it is its own"),
        ["TOKEN_EXPIRED"] = ("its request came after the token's deadline", LaunchAgain),
        ["TOKEN_SPENT"] = ("its token was used already, with another key: someone has the old user data", "overture audit explain NAME"),
        ["TOKEN_CONFLICT"] = ("two keys came with its one-time token", LaunchAgain),
        ["NOT_YET_VALID"] = ("its request came before the launch's time", "Compare the clocks of Conductor and CertAuthority"),
        ["SOURCE_MISMATCH"] = ("its request came from an address that is not the instance's",
            "overture audit explain NAME shows the address; a proxy or NAT before CertAuthority hides the right one"),
        ["LAUNCH_SIGNATURE"] = ("no Conductor whose key CertAuthority trusts signed its launch record",
            "Check launchKeys of CertAuthority"),
        ["KEY_REUSED"] = ("its key belongs to another name: an image was made of a node with its key", $"Remove ssl/ from the image. {NewKey}"),
        ["KEY_BLOCKED"] = ("its key was revoked as compromised", NewKey),
        ["KEY_TYPE"] = ("its key is neither RSA nor P-256 nor P-384", $"Set key_type in puppet.agent. {NewKey}"),
        ["KEY_SIZE"] = ("its RSA key is not 2048, 3072 or 4096 bits long", $"Set keylength. {NewKey}"),
        ["KEY_WEAK"] = ("its key is known to be weak", NewKey),
        ["NAME_TAKEN"] = ("the name has a certificate of another key", $"overture certificate revoke NAME, then approve its next request. {NewKey}"),
        ["NAME_BLOCKED"] = ("the name is revoked, contested, quarantined or terminated", "overture audit explain NAME"),
        ["NAME_MISMATCH"] = ("the name in the request is not the one that it was sent for", "Let certname be set once, in main"),
        ["NAME_INVALID"] = ("it asked for a name that is no certname", "Let certname be as it was launched"),
        ["NODE_UNKNOWN"] = ("there is no launch of that name", "Launch or register it"),
        ["CSR_SAN"] = ("it asked for names that its launch does not grant", "Grant them at launch: dns_alt_names"),
        ["CSR_EXTENSION"] = ("it asked for an extension that its launch does not grant",
            "Grant a trusted fact at launch: extensions; any other extension, such as a key usage, is never granted: leave it out"),
        ["CSR_SIGNATURE"] = ("its request's own signature does not verify", NewKey),
        ["CSR_PRIVATE_KEY"] = ("it sent its private key, which is lost with that", NewKey),
        ["REQUEST_DENIED"] = ("a person denied its request", NewKey),
        ["RATE_LIMITED"] = ("too many requests came under this name or from its address", "Wait a minute; the agent tries again by itself"),
        ["INSTANCE_NOT_RUNNING"] = ("the provider says that the instance does not run", LaunchAgain),
        ["INSTANCE_UNCONFIRMED"] = ("the Conductor did not confirm in time that the instance runs",
            "overture health --service conductor; the agent tries again by itself"),
        ["STORE_UNAVAILABLE"] = ("the object store did not answer", "overture bucket check; the agent tries again by itself"),
        ["HELD_FOR_APPROVAL"] = ("its request waits for a person, since no launch gave out the name or its token",
            "overture certificate approve NAME, or deny it; overture certificate requests shows what it asks for"),
        ["HELD_OTHER_KEY"] = ("another key waits under that name", "Decide on the first: overture certificate requests"),
        ["HELD_QUEUE_FULL"] = ("as many requests wait as may", "Decide on some: overture certificate requests"),
    };

    /// <param name="reason">TOKEN_MISMATCH.</param>
    /// <returns>Null: no text of its own; the message serves.</returns>
    public static KnownCause? Of(string reason) => Table.TryGetValue(reason, out var text) ? new KnownCause(reason, text.Means, text.Next) : null;

    /// <summary>Every code, for the documentation.</summary>
    public static IEnumerable<string> Codes => Table.Keys;
}
