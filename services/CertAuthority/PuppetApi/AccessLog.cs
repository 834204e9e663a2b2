using System.Buffers;
using System.Globalization;
using System.Net;
using Overture.Platform.Registry;
using Overture.Platform.Serving;
using Overture.Platform.Telemetry;

namespace Overture.CertAuthority.PuppetApi;

/// <summary>
/// Common log format, one line a request; opened again when the file was moved away, and at SIGHUP, since logrotate may put a new one there
/// at once. Requests over the budget are counted, and have one line a minute for each address, method and status: its request is one of
/// them, and a last field says how many it is of.
/// </summary>
internal sealed class AccessLog : PeriodicWorker
{
    private const int MaxSummaries = 200, TargetLength = 300;
    private readonly WriteBudget budget;
    private readonly Lock gate = new();
    private readonly CertAuthorityOptions options;
    private readonly ILogger<AccessLog> log;
    private StreamWriter? file;
    private bool disposed;

    public AccessLog(CertAuthorityOptions options, ReloadSignal reload, TimeProvider clock, ILogger<AccessLog> log)
        : base(TimeSpan.FromMinutes(1), clock)
    {
        (this.options, this.log) = (options, log);
        var lines = options.PuppetApi.AccessLogLinesPerMinute;
        budget = new WriteBudget(new(lines, lines / 2, lines / 10), clock);
        if (options.PuppetApi.AccessLog.Length > 0)
            reload.Add(Reopen);
    }

    public void Write(IPAddress? peer, DateTimeOffset at, string method, string target, string protocol, int status, string bytes)
    {
        if (options.PuppetApi.AccessLog.Length == 0)
            return;
        var (source, verb, shown) = (peer?.MapToIPv4Text() ?? "-", Verb(method), Escaped(target));
        if (budget.Take(source, $"{verb} {status}", shown))
            Line(source, at, $"{verb} {shown} {protocol}", $"{status} {bytes}");
    }

    /// <summary>Writes what was counted since the last time.</summary>
    public void WriteSummaries()
    {
        var counted = budget.Drain(MaxSummaries);
        for (var i = 0; i < counted.Count; i++)
        {
            try
            {
                var (verb, status) = counted[i].Kind.Split(' ') is [var first, var second] ? (first, second) : ("-", "-");
                Line(counted[i].Source is { Length: > 0 } source ? source : "-", Clock.GetUtcNow(),
                    $"{verb} {string.Join(' ', counted[i].Samples)} HTTP/1.1", $"{status} - \"{counted[i].Count} such requests\"");
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                budget.Return(counted.Skip(i));
                Log.AccessLogFailed(log, e.Message);
                return;
            }
        }
    }

    public override void Dispose()
    {
        lock (gate)
        {
            file?.Dispose();
            (file, disposed) = (null, true);
        }
        base.Dispose();
    }

    protected override bool AtStop => true;

    protected override Task Turn(CancellationToken cancel)
    {
        WriteSummaries();
        return Task.CompletedTask;
    }

    private void Line(string source, DateTimeOffset at, string request, string outcome)
    {
        var time = at.ToString("dd/MMM/yyyy:HH:mm:ss +0000", CultureInfo.InvariantCulture);
        lock (gate)
        {
            // Of a request that outlived the service.
            if (disposed)
                return;
            if (file is null || !File.Exists(options.PuppetApi.AccessLog))
            {
                file?.Dispose();
                file = new StreamWriter(options.PuppetApi.AccessLog, append: true) { AutoFlush = true, NewLine = "\n" };
            }
            file.WriteLine($"{source} - - [{time}] \"{request}\" {outcome}");
        }
    }

    // Any token is a method to Kestrel.
    private static string Verb(string method) =>
        method is "GET" or "PUT" or "POST" or "DELETE" or "HEAD" or "PATCH" or "OPTIONS" ? method : "OTHER";

    private string Reopen()
    {
        lock (gate)
        {
            file?.Dispose();
            file = null;
        }
        return $"{options.PuppetApi.AccessLog} is opened again";
    }

    private static readonly SearchValues<char> Plain =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-~%?&=+:,;@!$'()*");

    // A request target holds no control characters (Kestrel refuses them), but may hold quotes.
    private static string Escaped(string whole)
    {
        var target = whole.Length <= TargetLength ? whole : whole[..TargetLength] + "...";
        return !target.AsSpan().ContainsAnyExcept(Plain) ? target :
        string.Concat(target.Select(c => c is '"' or '\\' ? $"\\x{(int)c:x2}" : c is >= ' ' and <= '~' ? $"{c}" : "?"));
    }
}

internal static class PeerText
{
    /// <summary>An IPv4 client of a dual-stack socket as plain IPv4.</summary>
    public static string MapToIPv4Text(this IPAddress address) => (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();
}
