using System.CommandLine;
using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Overture.Cli.Pki;
using Overture.Platform.Tls;

namespace Overture.Cli.Commands;

/// <summary>What `overture pki issue|list|revoke` share: where the CA is, and how a certificate is shown.</summary>
internal static class PkiPlace
{
    public const string Valid = "valid", Expired = "expired", Revoked = "revoked", Malformed = "malformed";

    public static string Home(Session session, Option<string?> home) =>
        Path.GetFullPath(session.Parse.GetValue(home) ?? StorePath.OvertureHome());

    public static Failure Conflict(InvalidOperationException cause, string home) => new(ExitCodes.Conflict, cause.Message,
        File.Exists(Path.Combine(home, "pki", "ca.key")) ? "choose another place (--out DIR), or move what is there away"
            : $"run this where `overture pki init` was run, or name that place with --home DIR (it is {home} now)");

    /// <summary>To be disposed once all is signed and written.</summary>
    /// <exception cref="InvalidOperationException">There is no pki/ there.</exception>
    /// <exception cref="Failure">Another process is at it.</exception>
    public static IDisposable Alone(string home) => PkiLock.TryTake(home) ?? throw new Failure(ExitCodes.Conflict,
        $"another overture pki issue or revoke holds {Path.Combine(home, "pki", "lock")}", "run this again once that has ended");

    public static string Time(DateTimeOffset at) => at.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>{name, role, scope: [term, ...], serial, notAfter, state}</summary>
    public static Struct Shown(PersonalCertificate certificate, string state) => new()
    {
        Fields =
        {
            ["name"] = Value.ForString(certificate.Peer.Name),
            ["role"] = Value.ForString(Role(certificate)),
            ["scope"] = Value.ForList([.. certificate.Peer.Scope.Terms.Select(Value.ForString)]),
            ["serial"] = Value.ForString($"{certificate.Serial}"),
            ["notAfter"] = Value.ForString(Time(certificate.NotAfter)),
            ["state"] = Value.ForString(state),
            ["revoked"] = Value.ForBool(state == Revoked),
        },
    };

    public static string Role(PersonalCertificate certificate) => string.Join(' ', certificate.Peer.Roles.Select(RoleNames.Of));
}
