using System.CommandLine;
using System.Text;
using Grpc.Core;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>
/// overture __complete -- WORD…, which the shells' scripts call: a line for each suggestion, its description behind a TAB; `:files` where
/// the shell is to complete files. A person waits between two keys, so it ends by itself in time, with what it has by then; that a
/// service does not answer, or that there is no configuration, is silence.
/// </summary>
internal static class CompletionAnswer
{
    public const string Verb = "__complete", Files = ":files";
    private const string LastWord = "--word=";

    private static readonly TimeSpan ForServices = TimeSpan.FromMilliseconds(150), InAll = TimeSpan.FromMilliseconds(180);

    /// <param name="root">All verbs.</param>
    /// <param name="args">[--word=LAST] -- WORD…: shells that lose an empty argument name the last word apart.</param>
    public static async Task<int> Run(RootCommand root, string[] args)
    {
        // Look-ups of names and slow disks know no deadline.
        using var last = new Timer(_ => Environment.Exit(ExitCodes.Ok), null, InAll, Timeout.InfiniteTimeSpan);
        using var stop = new CancellationTokenSource(ForServices);
        string[] words = args switch
        {
            [var word, "--", .. var before] when word.StartsWith(LastWord, StringComparison.Ordinal) =>
                [.. before, word[LastWord.Length..]],
            ["--", .. var all] => all,
            _ => args,
        };
        var wanted = Completion.Of(root, words);
        Print(wanted, wanted.Known);
        try
        {
            switch (wanted.Source)
            {
                case CompletionSource.Files:
                    Console.Out.WriteLine(Files);
                    break;
                case CompletionSource.Contexts:
                    Print(wanted, ContextFile.Read(wanted.Config ?? ContextFile.Usual).Contexts.Select(c => (c.Key, "")));
                    break;
                case CompletionSource.Profiles:
                    await Ask(wanted, Profiles, stop.Token);
                    break;
                case CompletionSource.Certnames:
                    await Ask(wanted, Certnames, stop.Token);
                    break;
            }
        }
        catch (Exception e) when (e is Failure or RpcException or OperationCanceledException or IOException or UnauthorizedAccessException
            or System.Security.Cryptography.CryptographicException)
        {
            // No suggestion: the command itself will say why.
        }
        return ExitCodes.Ok;
    }

    private static async Task Ask(Completion wanted,
        Func<Completion, ConductorService.ConductorServiceClient, CallOptions, Task> ask, CancellationToken cancel)
    {
        var config = CliConfig.ForPerson(wanted.Config, wanted.Context);
        // Not disposed of: the process ends.
        var connection = Connection.Open(config, config.Conductor, "conductor", TimeProvider.System);
        await ask(wanted, new ConductorService.ConductorServiceClient(connection.Calls), new CallOptions(cancellationToken: cancel));
    }

    private static async Task Profiles(Completion wanted, ConductorService.ConductorServiceClient client, CallOptions options)
    {
        var answer = await client.ListProfilesAsync(new ListProfilesRequest(), options);
        Print(wanted, answer.Profiles.Select(p => (p.Name, p.Spec?.Image ?? "")));
    }

    // Page by page, so that a part of very many is shown when the time is over.
    private static async Task Certnames(Completion wanted, ConductorService.ConductorServiceClient client, CallOptions options)
    {
        var request = new ListInstancesRequest { PageSize = 500, Filter = new InstanceFilter { Prefix = wanted.Begun } };
        do
        {
            var page = await client.ListInstancesAsync(request, options);
            Print(wanted, page.Instances.Select(i => (i.Certname,
                $"{InstanceText.State(i.State)}{(i.Profile.Length > 0 ? $", {i.Profile}" : "")}")));
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
    }

    private static void Print(Completion wanted, IEnumerable<(string Text, string About)> found)
    {
        var lines = new StringBuilder();
        foreach (var (text, about) in found)
        {
            // What a shell would have to quote is no name of ours.
            if (!text.StartsWith(wanted.Begun, StringComparison.Ordinal) || text.Contains(' ', StringComparison.Ordinal))
                continue;
            if (Printable.Line(text) == text)
                lines.Append(wanted.Stem).Append(text).Append(about.Length > 0 ? "\t" : "").Append(Printable.Line(about)).Append('\n');
        }
        Console.Out.Write(lines);
        Console.Out.Flush();
    }
}
