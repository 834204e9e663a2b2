using System.Diagnostics;
using System.Text;
using Overture.Conductor.Reports;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>Reports as they come, and as an attacker would write them.</summary>
public sealed class ReportReaderTests
{
    internal const string Good =
        """
        --- !ruby/object:Puppet::Transaction::Report
        host: 0f8fad5b-d9cb-469f-a165-70867728950e
        time: '2026-01-01T12:00:00.123456789+00:00'
        configuration_version: 1767268800
        transaction_uuid: 2f8a5b1c-1111-4222-8333-444455556666
        report_format: 12
        puppet_version: 7.23.0
        status: changed
        transaction_completed: true
        noop: false
        noop_pending: false
        environment: production
        logs:
        - level: notice
          message: 'Applied catalog in 0.02 seconds'
          source: Puppet
          tags: [notice]
        metrics:
          resources:
            name: resources
            values:
            - [total, Total, 9]
        resource_statuses:
          File[/etc/motd]: {failed: false, changed: true, events: [{status: success}]}
        corrective_change: false
        cached_catalog_status: not_used

        """;

    [Fact]
    public void Read_GoodReport_HasItsFields() => Assert.Equal(
        new ReportSummary
        {
            Host = "0f8fad5b-d9cb-469f-a165-70867728950e",
            Status = "changed",
            TransactionCompleted = "true",
            TransactionUuid = "2f8a5b1c-1111-4222-8333-444455556666",
            Noop = "false",
            CachedCatalogStatus = "not_used",
            Environment = "production",
            Time = "2026-01-01T12:00:00.123456789+00:00",
            NoopPending = "false",
            Resources = 2, // metrics count one that it does not list
        }, Read(Good) with { Errors = [] });

    [Fact]
    public void Read_RubyTagsOnEveryLevel_ArePassedOver()
    {
        // As agents before Puppet 4 wrote it: nested objects, symbols, an alias of a scalar.
        var report = Read(
            """
            --- !ruby/object:Puppet::Transaction::Report
            host: &1 node.example.com
            environment: &2 production
            status: unchanged
            noop: false
            transaction_uuid: *1
            logs:
            - !ruby/object:Puppet::Util::Log
              level: !ruby/sym err
              message: Could not retrieve catalog
              source: *1
              tags: !ruby/object:Puppet::Util::TagSet
                hash: !ruby/hash {err: true}
            - !ruby/object:Puppet::Util::Log
              level: :err
              message: a second one
            resource_statuses: !ruby/hash:Foo
              ? [complex, key]
              : {deep: [[[[]]]]}
            cached_catalog_status: not_used

            """);
        Assert.Equal(("node.example.com", "production", "unchanged", "node.example.com"),
            (report.Host, report.Environment, report.Status, report.TransactionUuid));
        Assert.Equal(["node.example.com: Could not retrieve catalog", "a second one"], report.Errors);
    }

    [Fact]
    public void Read_CollectionInPlaceOfAField_IsAbsent() => Assert.Equal("", Read("host: [a, b]\nstatus: {a: b}\nlogs: none\n").Host);

    [Theory]
    [InlineData("")]
    [InlineData("just text")]
    [InlineData("- a\n- b\n")]
    [InlineData("host: a\nhost: b\n")]
    [InlineData("host: 'never closed")]
    [InlineData("{")]
    [InlineData("a: b: c")]
    public void Read_NoReport_IsInvalidData(string text) => Assert.Throws<InvalidDataException>(() => Read(text));

    [Fact]
    public void Read_AliasBomb_CostsNothing()
    {
        var bomb = new StringBuilder("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for (var i = 1; i <= 10; i++)
            bomb.Append($"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 9))}]\n");
        bomb.Append("self: &s [*s]\nmerge: {<<: *a9}\nhost: *a9\nstatus: changed\n");
        var watch = Stopwatch.StartNew();
        var report = Read(bomb.ToString());
        Assert.Equal(("", "changed"), (report.Host, report.Status));
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(30), $"took {watch.Elapsed}"); // expanded, it would be years
    }

    [Theory]
    [InlineData("[")]
    [InlineData("{a: ")]
    [InlineData("- ")]
    public void Read_HundredThousandLevels_IsRefusedAndWeLive(string level) =>
        Assert.Throws<InvalidDataException>(() =>
            Read("x: " + (level == "- " ? "\n" : "") + string.Concat(Enumerable.Repeat(level, 100_000))));

    [Fact]
    public void Read_FifteenMegabytes_TakesSecondsNotMinutes()
    {
        var text = new StringBuilder(Good);
        while (text.Length < 15 << 20)
        {
            text.Append($"filler{text.Length}: {{failed: false, changed: true, events: [{{status: success, message: 'defined'}}]}}\n");
        }
        var watch = Stopwatch.StartNew();
        Assert.Equal("changed", Read(text.ToString()).Status);
        Assert.True(watch.Elapsed < TimeSpan.FromMinutes(2), $"took {watch.Elapsed}"); // also beside other tests
    }

    [Theory]
    [InlineData("changed", "", "Converged")]
    [InlineData("unchanged", "", "Converged")]
    [InlineData("changed", "cached_catalog_status: ", "Converged")]
    [InlineData("failed", "", "Failed")]
    [InlineData("changed", "transaction_completed: false", "Failed")]
    [InlineData("changed", "noop: true", "Partial")]
    [InlineData("unchanged", "noop_pending: true", "Partial")]
    [InlineData("failed", "noop: true", "Failed")]
    [InlineData("unchanged", "cached_catalog_status: on_failure", "Failed")]
    [InlineData("unchanged", "cached_catalog_status: explicitly_requested", "Partial")]
    [InlineData("changed", "environment: staging", "Failed")]
    [InlineData("changed", "environment: ", "Failed")]
    [InlineData("pending", "", "Ignored")]
    public void Verdict_ByTheRule_OfThePuppetContracts(string status, string change, string expected)
    {
        var text = Good.Replace("status: changed\n", $"status: {status}\n", StringComparison.Ordinal);
        if (change.Length > 0)
        {
            text = string.Concat(text.Split('\n').Where(l => !l.StartsWith(change.Split(':')[0] + ":", StringComparison.Ordinal))
                .Select(l => l + "\n")) + change + "\n";
        }

        Assert.Equal(expected, ReportVerdict.Of(Read(text), "production").Outcome.ToString());
    }

    // A schedule may keep some for another hour; it can't be why nothing at all was applied.
    [Theory]
    [InlineData("Partial", "File[/a]: {skipped: true}", "File[/b]: {skipped: false}")]
    [InlineData("Converged", "File[/a]: {skipped: true}", "File[/b]: {skipped: false}", "Schedule[night]: {skipped: false}")]
    [InlineData("Partial", "File[/a]: {skipped: true}", "Schedule[night]: {skipped: true}")]
    [InlineData("Converged", "File[/a]: {skipped: false}", "Schedule[daily]: {skipped: true}", "Filebucket[puppet]: {skipped: true}")]
    [InlineData("Failed", "File[/a]: {failed_to_restart: true}")]
    public void Verdict_BySkippedResources(string expected, params string[] resources)
    {
        var report = Read("status: unchanged\ntransaction_completed: true\nenvironment: production\nresource_statuses:\n"
            + string.Concat(resources.Select(r => $"  {r}\n")));
        Assert.Equal(expected, ReportVerdict.Of(report, "production").Outcome.ToString());
    }

    // What the failed run applied by `schedule => daily`, the good one skips.
    [Fact]
    public void Verdict_SomeSkippedAfterAFailedRun_Counts()
    {
        const string Skips = "status: changed\ntransaction_completed: true\nenvironment: production\nresource_statuses:\n"
            + "  File[/a]: {skipped: true}\n";
        Assert.Equal(RunOutcome.Partial, ReportVerdict.Of(Read(Skips), "production", failedBefore: true).Outcome);
        Assert.Equal(RunOutcome.Converged,
            ReportVerdict.Of(Read(Skips + "  File[/b]: {skipped: false}\n"), "production", failedBefore: true).Outcome);
    }

    [Fact]
    public void Verdict_OfAFailedRun_HasItsErrorInOneShortLine()
    {
        var verdict = ReportVerdict.Of(new ReportSummary { Status = "failed",
            Errors = ["Could not\nfind \u001b[31mclass " + new string('x', 5000)] }, "production");
        Assert.Contains("Could not find", verdict.Sentence, StringComparison.Ordinal);
        Assert.True(verdict.Sentence.Length <= "the run failed: ".Length + 301);
        Assert.DoesNotContain(verdict.Sentence, char.IsControl);
    }

    private static ReportSummary Read(string text) => ReportReader.Read(new MemoryStream(Encoding.UTF8.GetBytes(text)));
}
