using System.Reflection;
using System.Text;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Policy;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Tests;

/// <summary>Concepts that records hold as text: each has one spelling, which never changes, since sealed bytes hold it.</summary>
public sealed class RecordTextTests
{
    [Theory]
    [InlineData("", nameof(GrantKind.None), ""), InlineData("launch", nameof(GrantKind.Launch), ""),
        InlineData("import", nameof(GrantKind.Import), ""),
        InlineData("predecessor", nameof(GrantKind.Predecessor), ""), InlineData("self", nameof(GrantKind.Own), "")]
    [InlineData("admin by ops", nameof(GrantKind.Admin), "ops"), InlineData("approval by ops", nameof(GrantKind.Approval), "ops")]
    // A caller's name may be anything: it makes no administrator of an approval, nor the other way round.
    [InlineData("approval by admin by ops", nameof(GrantKind.Approval), "admin by ops"),
        InlineData("admin by approval by ops", nameof(GrantKind.Admin), "approval by ops"),
        InlineData("admin by ", nameof(GrantKind.Admin), "")]
    public void GrantSource_Text_ReadsBack(string text, string kind, string by)
    {
        var source = GrantSource.Parse(text);
        Assert.Equal((kind, by), ($"{source.Kind}", source.GrantedBy));
        Assert.Equal(text, source.ToString());
        Assert.Equal(kind, $"{new Grant { Source = text }.Kind()}");
    }

    [Theory]
    [InlineData("Admin by ops"), InlineData(" admin by ops"), InlineData("admin\u00a0by ops"), InlineData("adminby ops"),
        InlineData("Launch"), InlineData("launch "), InlineData("self\0"), InlineData("approval")]
    public void GrantSource_AnyOtherText_IsUnknownAndCarriesNothing(string text)
    {
        Assert.Equal(GrantKind.Unknown, GrantSource.Parse(text).Kind);
        Assert.False(new Grant { Source = text }.MayCarry(PuppetExtensions.CliAuth));
    }

    [Fact]
    public void Kind_OfNoGrant_IsNone() => Assert.Equal(GrantKind.None, ((Grant?)null).Kind());

    [Fact]
    public void DecisionOutcome_Text_IsItsNameInLowerCase()
    {
        Assert.All(Enum.GetValues<DecisionOutcome>(), o => Assert.Equal($"{o}".ToLowerInvariant(), o.Text()));
        Assert.True(new Decision { Outcome = "sign" }.Signs());
        Assert.All(new[] { "", "Sign", "sign ", "signed", "hold" }, o => Assert.False(new Decision { Outcome = o }.Signs()));
        Assert.Equal(("refuse", "NODE_UNKNOWN", "no"), DecisionOutcome.Refuse.Because(Reason.NodeUnknown, "no") is var d
            ? (d.Outcome, d.Reason, d.Sentence) : default);
    }

    [Fact]
    public void AuditAction_Names_AreDottedAndEachThereOnce()
    {
        var all = typeof(AuditAction).GetFields(BindingFlags.Public | BindingFlags.Static).Where(f => f.FieldType == typeof(AuditAction))
            .Select(f => (AuditAction)f.GetValue(null)!).ToList();
        Assert.Equal(41, all.Count);
        Assert.Equal(all.Count, all.Select(a => a.Name).Distinct().Count());
        Assert.All(all, a => Assert.Matches(@"\A[a-z]+(\.[a-z_]+){1,2}\z", a.Name));
    }

    [Fact]
    public void AuditAction_Refusals_AreWhatOldRecordsAreTakenOutOf() => Assert.Equal(
        ["cert.renewed_again", "csr.displaced", "csr.held", "csr.limited", "csr.refused", "csr.repeated", "renewal.refused",
            "request.limited.address", "request.limited.certificate", "request.limited.renewal"],
        AuditAction.Refusals.Select(a => a.Name).Order(StringComparer.Ordinal));

    [Fact]
    public void AuditAction_Record_IsAsItWasWritten()
    {
        var record = (AuditAction.Unrecorded with { Outcome = AuditOutcome.Deny })
            .Record("n", new Caller("agent", "10.0.0.7"), "4f", "ab", DecisionOutcome.Alarm.Because(Reason.CertificateUnrecorded, "x"));
        Assert.Equal("{ \"action\": \"cert.unrecorded\", \"outcome\": \"deny\", \"certname\": \"n\", \"actor\": \"agent\", "
            + "\"peer\": \"10.0.0.7\", \"serial\": \"4f\", \"spkiSha256\": \"ab\", "
            + "\"decision\": { \"outcome\": \"alarm\", \"reason\": \"CERTIFICATE_UNRECORDED\", \"sentence\": \"x\" } }",
            RecordJson.WriteText(record));
        Assert.Equal("allow", AuditAction.Released.Record("n", Caller.Own("x")).Outcome);
        Assert.Equal("error", AuditAction.AuditGap.Record("", Caller.Own("x")).Outcome);
    }

    // Before there was a message for it, it was written as a free object.
    [Fact]
    public void KeyOwner_Bytes_AreThoseOfBefore()
    {
        const string before = "{ \"schema\": 1, \"writeId\": \"w\", \"certname\": \"a.example.org\" }";
        var owner = new KeyOwner { Schema = 1, WriteId = "w", Certname = "a.example.org" };
        Assert.Equal(before, Encoding.UTF8.GetString(RecordJson.Write(owner)));
        Assert.Equal(owner, RecordJson.Read<KeyOwner>(Encoding.UTF8.GetBytes(before)));
    }
}
