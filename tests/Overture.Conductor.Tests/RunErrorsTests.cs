using Overture.Conductor.Reports;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>Which error of a run is shown first. The reports in testdata/reports/7.23.0 are Puppet's own (see its README).</summary>
public sealed class RunErrorsTests
{
    [Fact]
    public void Errors_FacterBeforeTheCatalog_TellTheCatalogFirst()
    {
        var report = Read("no-node-statement.yaml");
        Assert.Equal(
            [
                "Could not retrieve catalog from remote server: Error 500 on SERVER: Server Error: Could not find node statement with "
                    + "name 'default' or 'n1.example' on node n1.example",
                "Facter: Permission denied @ rb_sysopen - /proc/1/environ",
                "Facter: Error while resolving custom fact fact='secret', resolution='<anonymous>': No such file or directory @ "
                    + "rb_sysopen - /root/denied",
            ], report.Errors);
        Assert.StartsWith("the run failed: Could not retrieve catalog from remote server: Error 500 on SERVER: Server Error: Could not "
            + "find node statement", ReportVerdict.Of(report, "production").Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void Errors_ResourcesThatFailed_AreNamedWithFileAndLineAndOnlyOnce()
    {
        var report = Read("failed-resources.yaml");
        Assert.Equal(2, report.Errors.Count);
        Assert.StartsWith("File[/nonexistent/dir/file]: change from 'absent' to 'file' failed: Could not set 'file' on ensure: No such "
            + "file or directory", report.Errors[0], StringComparison.Ordinal);
        Assert.EndsWith("(file: /etc/puppet/code/site.pp, line: 2)", report.Errors[0], StringComparison.Ordinal);
        Assert.Equal("Exec[two]: change from 'notrun' to ['0'] failed: '/bin/sh -c \"echo out of space >&2; exit 3\"' returned 3 "
            + "instead of one of [0] (/etc/puppet/code/site.pp:7)", report.Errors[1]);
    }

    [Fact]
    public void Errors_CatalogThatCouldNotBeApplied_NameTheCycle()
    {
        var report = Read("cycle.yaml");
        Assert.Equal("Found 1 dependency cycle: (Notify[a] => Notify[b] => Notify[a])\\nTry the '--graph' option and opening the "
            + "resulting '.dot' file in OmniGraffle or GraphViz", report.Errors[0]);
        Assert.Equal("Notify[a]: resource is part of a dependency cycle (/etc/puppet/code/site.pp:1)", report.Errors[1]);
    }

    [Fact]
    public void Best_AnyOrder_IsCatalogThenResourcesThenTheRestAndThreeAtMost()
    {
        var errors = new RunErrors();
        errors.Log("Puppet", "Could not retrieve catalog; skipping run", "", "");
        for (var i = 0; i < 100_000; i++)
            errors.Log("Facter", $"noise {i}", "", "");
        errors.Log("/Stage[main]/Base::Ssh/File[/etc/ssh/a[1]]/content", "change failed", "/code/ssh.pp", "7");
        errors.Log("Puppet", "Evaluation Error: Cannot reassign variable '$title'\nwith a stack\nof lines", "", "");
        Assert.Equal(["Evaluation Error: Cannot reassign variable '$title'", "File[/etc/ssh/a[1]]: change failed (/code/ssh.pp:7)",
            "Facter: noise 0"], errors.Best());
    }

    [Fact]
    public void Best_NothingElse_SaysWhatThereIs()
    {
        var errors = new RunErrors();
        errors.Log("Puppet", "Could not retrieve catalog; skipping run", "", "");
        Assert.Equal(["Could not retrieve catalog; skipping run"], errors.Best());
        errors.Resource("Service[ntp]", "", "", "");
        Assert.Equal(["Service[ntp]: failed", "Could not retrieve catalog; skipping run"], errors.Best());
    }

    [Fact]
    public void Best_ResourceWithoutAnEvent_IsExplainedByItsLogLine()
    {
        var errors = new RunErrors();
        errors.Log("/Stage[main]/S/Package[x]", "Provider portage is not functional on this host", "/code/s.pp", "1");
        errors.Resource("Package[x]", "", "/code/s.pp", "1");
        Assert.Equal(["Package[x]: Provider portage is not functional on this host (/code/s.pp:1)"], errors.Best());
    }

    private static ReportSummary Read(string name)
    {
        using var report = File.OpenRead(RepositoryPaths.File($"tests/Overture.Conductor.Tests/testdata/reports/7.23.0/{name}"));
        return ReportReader.Read(report);
    }
}
