using System.Net;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.CertAuthority;

/// <summary>Every message of this service. No PEM, no token, no key.</summary>
internal static partial class Log
{
    [LoggerMessage(EventId = 100, EventName = "ca.contested", Level = LogLevel.Critical,
        Message = "two keys came with the token of {Certname}: {FirstSpki}, then {SecondSpki}; its certificate is revoked")]
    public static partial void Contested(ILogger logger, CertName certname, string firstSpki, string secondSpki);

    [LoggerMessage(EventId = 101, EventName = "ca.crl.current", Level = LogLevel.Information,
        Message = "CRL {Number} with {Entries} entries is current")]
    public static partial void CrlCurrent(ILogger logger, long number, int entries);

    [LoggerMessage(EventId = 102, EventName = "ca.crl.failed", Level = LogLevel.Error,
        Message = "no CRL was published; trying again in 2 s")]
    public static partial void CrlFailed(ILogger logger, Exception exception);

    [LoggerMessage(EventId = 103, EventName = "ca.sweep.failed", Level = LogLevel.Warning,
        Message = "the sweep of {What} stopped early, the next one continues: {Cause}")]
    public static partial void SweepFailed(ILogger logger, string what, string cause);

    [LoggerMessage(EventId = 104, EventName = "audit.waits", Level = LogLevel.Error,
        Message = "{Count} audit records wait for the store: {Cause}")]
    public static partial void AuditWaits(ILogger logger, int count, string cause);

    [LoggerMessage(EventId = 105, EventName = "audit.overtaken", Level = LogLevel.Warning,
        Message = "batch {Sequence} of audit stream {Stream} already exists; continuing after it")]
    public static partial void AuditOvertaken(ILogger logger, string stream, long sequence);

    [LoggerMessage(EventId = 106, EventName = "ca.leaf.current", Level = LogLevel.Information,
        Message = "the CA API's certificate is {Serial}, good until {NotAfter:O}")]
    public static partial void LeafCurrent(ILogger logger, SerialNumber serial, DateTime notAfter);

    [LoggerMessage(EventId = 107, EventName = "ca.leaf.failed", Level = LogLevel.Error,
        Message = "the CA API's certificate was not renewed: {Cause}; trying again in a minute")]
    public static partial void LeafFailed(ILogger logger, string cause);

    [LoggerMessage(EventId = 108, EventName = "puppetapi.unforeseen", Level = LogLevel.Error,
        Message = "{Method} {Path} failed unforeseen")]
    public static partial void Unforeseen(ILogger logger, string method, string path, Exception exception);

    [LoggerMessage(EventId = 109, EventName = "puppetapi.forbidden", Level = LogLevel.Information,
        Message = "{Method} {Path} from {Peer}: no such route")]
    public static partial void Forbidden(ILogger logger, string method, string path, IPAddress? peer);

    [LoggerMessage(EventId = 110, EventName = "puppetapi.refused", Level = LogLevel.Information,
        Message = "a request from {Peer} is refused ({Kind}): {Reason}{Cause}")]
    public static partial void Refused(ILogger logger, IPAddress? peer, FaultKind kind, Reason reason, string cause);

    [LoggerMessage(EventId = 119, EventName = "puppetapi.access_log_failed", Level = LogLevel.Error,
        Message = "the access log can't be written: {Cause}")]
    public static partial void AccessLogFailed(ILogger logger, string cause);

    [LoggerMessage(EventId = 140, EventName = "ca.limited", Level = LogLevel.Warning,
        Message = "more certificate requests for {Certname} than its budget, without its token: token guessing, or an agent in a loop")]
    public static partial void NameLimited(ILogger logger, CertName certname);

    [LoggerMessage(EventId = 141, EventName = "ca.limited.untold", Level = LogLevel.Warning,
        Message = "the requests rejected in the last minute could not be recorded: {Cause}")]
    public static partial void LimitedUnrecorded(ILogger logger, string cause);

    [LoggerMessage(EventId = 143, EventName = "ca.foreign_claim", Level = LogLevel.Critical,
        Message = "claim {Claim} of {Certname} was not written by this CA: another party writes to its store. Nothing is signed from it")]
    public static partial void ForeignClaim(ILogger logger, string certname, string claim);

    [LoggerMessage(EventId = 147, EventName = "ca.foreign_request", Level = LogLevel.Critical,
        Message = "{Key} was not written by this CA, or is damaged; it is ignored")]
    public static partial void ForeignRequest(ILogger logger, string key);

    [LoggerMessage(EventId = 148, EventName = "ca.foreign_crl", Level = LogLevel.Critical,
        Message = "{Key} is not a CRL of this CA under its own number; it is skipped")]
    public static partial void ForeignCrl(ILogger logger, string key);

    [LoggerMessage(EventId = 149, EventName = "ca.unrecorded", Level = LogLevel.Critical,
        Message =
            "certificate {Serial} of '{Name}', which this CA signed, is used from {Peer}, and it has no record: the record was lost (a "
                + "restore of an older backup?), or the CA's key signed elsewhere. "
            + "{Refused}. To revoke it: overture certificate revoke --serial {Serial} --reason TEXT")]
    public static partial void Unrecorded(ILogger logger, string serial, string name, string peer, string refused);

    [LoggerMessage(EventId = 162, EventName = "ca.record_replaced", Level = LogLevel.Critical,
        Message = "certificate {Serial} of '{Name}', which this CA signed, is used from {Peer}, and {Lack}. {Refused}")]
    public static partial void RecordReplaced(ILogger logger, string serial, string name, string peer, string lack, string refused);

    [LoggerMessage(EventId = 154, EventName = "ca.crl.lost", Level = LogLevel.Critical,
        Message =
            "{Key}, which this replica published or served, {What}: this replica's copy is served, and a CRL with all its entries is "
                + "published under a higher number")]
    public static partial void CrlLost(ILogger logger, string key, string what);

    [LoggerMessage(EventId = 150, EventName = "ca.crl.not_kept", Level = LogLevel.Error,
        Message = "CRL {Number} was not kept in the state directory: {Cause}")]
    public static partial void CrlNotKept(ILogger logger, long number, string cause);

    [LoggerMessage(EventId = 151, EventName = "ca.crl.kept_unusable", Level = LogLevel.Error,
        Message = "{File} in the state directory is damaged, or of another CA; only the CRLs in the store count")]
    public static partial void KeptCrlUnusable(ILogger logger, string file);

    [LoggerMessage(EventId = 152, EventName = "ca.parent_crl", Level = LogLevel.Error, Message = "{Problem}")]
    public static partial void ParentCrl(ILogger logger, string problem);

    [LoggerMessage(EventId = 153, EventName = "ca.claim_lost", Level = LogLevel.Critical,
        Message =
            "the claim of {Certname} was written once and is gone from the store: it was deleted, or an older backup was restored. Its "
                + "token stays spent")]
    public static partial void ClaimLost(ILogger logger, CertName certname);

    [LoggerMessage(EventId = 159, EventName = "ca.revocation_restored", Level = LogLevel.Warning,
        Message =
            "{Key} was gone from the store while the CRL holds it ({Certname}): it was deleted, or an older backup was restored. It was "
                + "written back")]
    public static partial void RevocationRestored(ILogger logger, string key, string certname);

    [LoggerMessage(EventId = 144, EventName = "audit.gap", Level = LogLevel.Critical,
        Message = "the audit log was tampered with, or the store lost part of it: {What}")]
    public static partial void AuditGap(ILogger logger, string what);

    [LoggerMessage(EventId = 145, EventName = "audit.head_not_kept", Level = LogLevel.Error,
        Message = "the head of audit stream {Stream} was not kept in the state directory: {Cause}")]
    public static partial void AuditHeadNotKept(ILogger logger, string stream, string cause);

    [LoggerMessage(EventId = 146, EventName = "audit.recovered", Level = LogLevel.Warning,
        Message = "certificate {Serial} of {Certname} had no audit record (its process died); written from its claim")]
    public static partial void AuditRecovered(ILogger logger, string serial, string certname);

    [LoggerMessage(EventId = 165, EventName = "ca.damaged_object", Level = LogLevel.Error,
        Message = "{What}; it is skipped. Put the right one back from a copy of the bucket: `overture audit verify` names all of them")]
    public static partial void DamagedObject(ILogger logger, string what);

    [LoggerMessage(EventId = 163, EventName = "ca.damaged_record", Level = LogLevel.Error,
        Message =
            "{What}: a client whose certificate it should hold gets 503 wherever a certificate is needed. Put the right one back from a "
                + "copy of the bucket")]
    public static partial void DamagedRecord(ILogger logger, string what);

    [LoggerMessage(EventId = 164, EventName = "ca.foreign_key", Level = LogLevel.Critical,
        Message =
            "{Key} {Problem}: it blocks no key. Another party writes to the store, or an earlier version wrote it: a service rewrites "
                + "its own when it next sees that key")]
    public static partial void ForeignKey(ILogger logger, string key, string problem);
}
