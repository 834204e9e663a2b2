using System.Globalization;

namespace Overture.Load;

/// <summary>Prints what a benchmark came to: the ratio against its bar, then the raw figures it was made of.</summary>
internal static class Verdict
{
    /// <param name="name">The benchmark.</param>
    /// <param name="folder">Its <see cref="Figures"/>.</param>
    /// <param name="how">What the raw figures were made with: "16 connections, 20 s warm, 20 s measured".</param>
    public static int Print(string name, string folder, string how)
    {
        var seen = new Figures(folder);
        switch (name)
        {
            case "enrol-rsa": EnrolRsa(seen, how); break;
            case "enrol-p256": EnrolP256(seen, how); break;
            case "enrol-stock": EnrolStock(seen, how); break;
            case "renew": Renew(seen, how); break;
            case "revoke-10k": Revoke(seen); break;
            case "enc-hook": EncHook(seen); break;
            case "classify": Classify(seen, how); break;
            case "node-terminus": NodeTerminus(seen, how); break;
            case "launch": Launch(seen); break;
            case "registry-100k": Registry(seen); break;
            case "console-100k": ConsolePage(seen); break;
            case "rebuild-100k": Line(name, seen.Of("no-snapshot", "all_s"), 60, atLeast: false); break;
            default: return 2;
        }
        return 0;
    }

    private static void EnrolRsa(Figures seen, string how)
    {
        var cpu = seen.Of("ours", "server_cpu_ms") / seen.Number("signature");
        Line("enrol-rsa", seen.Of("ours", "rate") / Signatures(seen), 0.65, atLeast: true);
        Ours(seen, how);
        Openssl(seen);
        Say($"server CPU: {seen.Of("ours", "server_cpu_ms"):0.00} ms per enrollment, one signature {seen.Number("signature"):0.00} ms: "
            + $"ratio={cpu:0.00} bar=1.35 {Judged(cpu, 1.35, false)}");
        P99(seen);
    }

    private static void EnrolP256(Figures seen, string how)
    {
        Line("enrol-p256", seen.Of("ours", "rate") / 600, 1, atLeast: true);
        Ours(seen, how);
        P99(seen);
    }

    private static void EnrolStock(Figures seen, string how)
    {
        Line("enrol-stock", seen.Of("ours", "rate") / seen.Of("theirs", "rate"), 4, atLeast: true);
        Ours(seen, how);
        Say($"puppetserver {seen.Text("puppetserver")}, its own CA, autosign=true: {seen.Text("theirs")}");
    }

    private static void Renew(Figures seen, string how)
    {
        Line("renew", seen.Of("ours", "rate") / Signatures(seen), null, atLeast: true);
        Ours(seen, how);
        Openssl(seen);
        P99(seen);
    }

    private static void Revoke(Figures seen)
    {
        Line("revoke-10k", seen.Number("ended") - seen.Number("asked"), 2, atLeast: false);
        Say($"the seconds of `overture certificate revoke NAME`, which waits for the list; entries on it: {seen.Text("entries")}");
        Say($"GET certificate_revocation_list/ca: {seen.Text("bytes")} bytes in {seen.Text("crl-seconds")} s, TLS handshake included");
        Say("start on a store with 9,999 revocations no list has yet: "
            + $"{seen.Number("opened") - seen.Number("began"):0.00} s until healthy");
    }

    private static void EncHook(Figures seen)
    {
        var (ours, theirs) = (seen.Percentile("ours", 0.5), seen.Percentile("theirs", 0.5));
        Line("enc-hook", ours / theirs, 0.4, atLeast: false);
        Say($"overture-enc over mTLS: p50_ms={ours:0.0} p99_ms={seen.Percentile("ours", 0.99):0.0}; "
            + $"p50 at most 30 ms: {Judged(ours, 30, false)}");
        Say($"Python, one plain HTTP GET: p50_ms={theirs:0.0} p99_ms={seen.Percentile("theirs", 0.99):0.0}");
    }

    private static void Classify(Figures seen, string how)
    {
        Line("classify", seen.Of("ours", "rate") / ((seen.Of("before", "rate") + seen.Of("after", "rate")) / 2), 0.6, atLeast: true);
        Say($"ours: {seen.Text("ours")} (50 callers, 5 connections, 100,000 nodes, freshness 60 s, {how})");
        Say($"rate: at least 20000/s: {Judged(seen.Of("ours", "rate"), 20_000, true)}; "
            + $"p99: at most 10 ms: {Judged(seen.Of("ours", "p99_ms"), 10, false)}");
        Say($"empty, before: {seen.Text("before")}");
        Say($"empty, after: {seen.Text("after")}");
    }

    private static void NodeTerminus(Figures seen, string how)
    {
        Line("node-terminus", seen.Of("native", "rate") / seen.Of("exec", "rate"), null, atLeast: true);
        Say($"native: {seen.Text("native")} ({how}; server_cpu_ms: the JVM's alone, the classifiers' is in others_cores)");
        Say($"exec, overture-enc: {seen.Text("exec")}");
        Say($"exec, Python: {seen.Text("python")}; native is {seen.Of("native", "rate") / seen.Of("python", "rate"):0.00} times it");
    }

    private static void Launch(Figures seen)
    {
        // Five at a time, 20 ms each: what the API alone takes.
        var (seconds, api) = (seen.Of("ours", "seconds"), 1000 * 0.020 / 5);
        Line("launch", (seconds - api) / seconds, 0.15, atLeast: false);
        Say($"{seen.Text("ours")}; the API's own part: {api:0.00} s (5 at a time, 20 ms each)");
    }

    private static void Registry(Figures seen)
    {
        var compared = seen.Number("compared-end") - seen.Number("compared-begin");
        var each = (seen.Number("redis-after") - seen.Number("redis-before")) / seen.Number("instances");
        Say($"first start, no snapshot: {seen.Number("start-end") - seen.Number("start-begin"):0.00} s until every record was read and the "
            + $"index written; the Conductor's memory: {seen.Text("memory-start")} MB");
        Line("registry-100k", seen.Of("all", "p99_ms"), 20, atLeast: false);
        Say("milliseconds a page of 50; all kinds of list:");
        foreach (var line in seen.Text("all").Split('\n'))
            Say($"  {line}");
        Say($"Redis: {each:0} bytes each, without the timeline of a live one; at most 2048: {Judged(each, 2048, false)}");
        Say($"one comparison of records and instances: {compared:0.00} s; at most 10: {Judged(compared, 10, false)}; "
            + $"it says: {seen.Text("compared")}");
        Say($"snapshot: {seen.Text("snapshot")} MB; the Conductor's memory after it and the comparison: {seen.Text("memory-end")} MB; "
            + $"at most 400: {Judged(seen.Number("memory-end"), 400, false)}");
    }

    private static void ConsolePage(Figures seen)
    {
        var first = seen.Of("pages", "first", "p99_ms");
        Line("console-100k", first / 300, 1, atLeast: false);
        Say($"p99 of the fleet's first page of {seen.Text("instances")} instances, in 300 ms; half of them took at most "
            + $"{seen.Of("pages", "first", "p50_ms"):0.0} ms");
        foreach (var line in seen.Text("pages").Split('\n'))
            Say($"  {line}");
        Say($"of the processor a page costs the Conductor {seen.Of("pages", "cpu", "conductor_ms"):0.0} ms and the console "
            + $"{seen.Of("pages", "cpu", "console_ms"):0.0} ms; at most 30 together: {Judged(seen.Of("pages", "cpu", "conductor_ms")
                + seen.Of("pages", "cpu", "console_ms"), 30, false)}; other programs change that little, and the load was "
            + $"{seen.Of("pages", "cpu", "load"):0.0}");
        Say("cold: the first request after the console's start; narrowed: the same page of one instance; calls: the four of the page, "
            + "asked of the Conductor without a console; missing: pages without a part, whose answer took longer than 5 s");
        Say($"first page against narrowed: ratio={seen.Of("pages", "first", "p50_ms") / seen.Of("pages", "narrowed", "p50_ms"):0.00}; "
            + $"first page against its calls: ratio={seen.Of("pages", "first", "p50_ms") / seen.Of("pages", "calls", "p50_ms"):0.00}");
    }

    private static double Signatures(Figures seen) => (seen.Number("openssl-before") + seen.Number("openssl-after")) / 2;

    private static void Ours(Figures seen, string how) =>
        Say($"ours: {seen.Text("ours")} ({how}; others_cores: what other programs used of the machine meanwhile)");

    private static void Openssl(Figures seen) => Say($"openssl speed -multi {Environment.ProcessorCount} rsa4096: "
        + $"sign/s={seen.Text("openssl-before")} before, {seen.Text("openssl-after")} after");

    private static void P99(Figures seen)
    {
        var (p99, most) = (seen.Of("ours", "p99_ms"), 2000 * seen.Number("connections") / seen.Of("ours", "rate"));
        Say($"p99: {p99:0.0} ms, at most 2 x connections / throughput = {most:0.0} ms: {Judged(p99, most, false)}");
    }

    private static void Line(string name, double exact, double? bar, bool atLeast)
    {
        var ratio = Math.Round(exact, 2);
        var judged = bar is { } b ? Text($"bar={b:0.00} {Judged(ratio, b, atLeast)}") : "bar=none";
        Console.WriteLine(Text($"bench {name} ratio={ratio:0.00} {judged}"));
        var model = File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))
            ?.Split(": ")[^1];
        Say($"commit {Environment.GetEnvironmentVariable("BENCH_COMMIT")}, {Environment.ProcessorCount} cores, {model}, "
            + $"load {File.ReadAllText("/proc/loadavg").Split(' ')[0]}");
    }

    private static string Judged(double value, double bar, bool atLeast) => (atLeast ? value >= bar : value <= bar) ? "ok" : "short";

    private static void Say(FormattableString line) => Console.WriteLine($"  {Text(line)}");

    private static void Say(string line) => Console.WriteLine($"  {line}");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
