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

    [LoggerMessage(EventId = 101, EventName = "ca.crl.current", Level = LogLevel.Information, Message = "CRL {Number} with {Entries} entries is current")]
    public static partial void CrlCurrent(ILogger logger, long number, int entries);

    [LoggerMessage(EventId = 102, EventName = "ca.crl.failed", Level = LogLevel.Error, Message = "no CRL was published; trying again in 2 s")]
    public static partial void CrlFailed(ILogger logger, Exception exception);

    [LoggerMessage(EventId = 103, EventName = "ca.sweep.failed", Level = LogLevel.Warning, Message = "the sweep of {What} was cut short, the next one goes on: {Cause}")]
    public static partial void SweepFailed(ILogger logger, string what, string cause);

    [LoggerMessage(EventId = 104, EventName = "audit.waits", Level = LogLevel.Error, Message = "{Count} audit records wait for the store: {Cause}")]
    public static partial void AuditWaits(ILogger logger, int count, string cause);

    [LoggerMessage(EventId = 105, EventName = "audit.overtaken", Level = LogLevel.Warning, Message = "batch {Sequence} of audit stream {Stream} was there already; going on behind it")]
    public static partial void AuditOvertaken(ILogger logger, string stream, long sequence);

    [LoggerMessage(EventId = 106, EventName = "ca.leaf.current", Level = LogLevel.Information, Message = "the CA API's certificate is {Serial}, good until {NotAfter:O}")]
    public static partial void LeafCurrent(ILogger logger, string serial, DateTime notAfter);

    [LoggerMessage(EventId = 107, EventName = "ca.leaf.failed", Level = LogLevel.Error, Message = "the CA API's certificate was not renewed: {Cause}; trying again in a minute")]
    public static partial void LeafFailed(ILogger logger, string cause);

    [LoggerMessage(EventId = 108, EventName = "puppetapi.unforeseen", Level = LogLevel.Error, Message = "{Method} {Path} failed unforeseen")]
    public static partial void Unforeseen(ILogger logger, string method, string path, Exception exception);

    [LoggerMessage(EventId = 109, EventName = "puppetapi.forbidden", Level = LogLevel.Information, Message = "{Method} {Path} from {Peer}: no such route for anybody")]
    public static partial void Forbidden(ILogger logger, string method, string path, IPAddress? peer);

    [LoggerMessage(EventId = 110, EventName = "puppetapi.refused", Level = LogLevel.Information, Message = "a request from {Peer} is refused ({Kind}): {Reason}")]
    public static partial void Refused(ILogger logger, IPAddress? peer, FaultKind kind, Reason reason);

    [LoggerMessage(EventId = 119, EventName = "puppetapi.access_log_failed", Level = LogLevel.Error, Message = "the access log can't be written: {Cause}")]
    public static partial void AccessLogFailed(ILogger logger, string cause);

    [LoggerMessage(EventId = 140, EventName = "ca.limited", Level = LogLevel.Warning,
        Message = "more certificate requests for {Certname} than its budget, without its token: somebody guesses, or an agent runs wild")]
    public static partial void NameLimited(ILogger logger, CertName certname);

    [LoggerMessage(EventId = 141, EventName = "ca.limited.untold", Level = LogLevel.Warning, Message = "what was turned away in the last minute could not be written down: {Cause}")]
    public static partial void LimitedUntold(ILogger logger, string cause);

    [LoggerMessage(EventId = 143, EventName = "ca.foreign_claim", Level = LogLevel.Critical,
        Message = "claim {Claim} of {Certname} was not written by this CA: somebody else writes its store. Nothing is signed from it")]
    public static partial void ForeignClaim(ILogger logger, string certname, string claim);

    [LoggerMessage(EventId = 147, EventName = "ca.foreign_request", Level = LogLevel.Critical, Message = "{Key} was not written by this CA, or is damaged; it is not looked at")]
    public static partial void ForeignRequest(ILogger logger, string key);

    [LoggerMessage(EventId = 148, EventName = "ca.foreign_crl", Level = LogLevel.Critical, Message = "{Key} is no list of this CA under its own number; it is passed over")]
    public static partial void ForeignCrl(ILogger logger, string key);

    [LoggerMessage(EventId = 144, EventName = "audit.gap", Level = LogLevel.Critical, Message = "the audit log was tampered with, or the store lost part of it: {What}")]
    public static partial void AuditGap(ILogger logger, string what);

    [LoggerMessage(EventId = 145, EventName = "audit.head_not_kept", Level = LogLevel.Error, Message = "the head of audit stream {Stream} was not kept in the state directory: {Cause}")]
    public static partial void AuditHeadNotKept(ILogger logger, string stream, string cause);

    [LoggerMessage(EventId = 146, EventName = "audit.recovered", Level = LogLevel.Warning, Message = "certificate {Serial} of {Certname} had no audit record (its process died); written from its claim")]
    public static partial void AuditRecovered(ILogger logger, string serial, string certname);
}
