using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>Every verb in its place. Parses, helps, and turns a wrong command line into exit code 2.</summary>
internal static class CommandTree
{
    public static async Task<int> Run(string[] args, CancellationToken cancel)
    {
        if (args is [CompletionAnswer.Verb, .. var words])
            return await CompletionAnswer.Run(Build(), words);
        if (args is [ManPages.Verb, var directory])
            return ManPages.Write(Build(), directory, VersionVerb.Text);
        // The runtime has replaced what was not UTF-8; it would go into a history or a name like that.
        if (args.FirstOrDefault(a => a.Contains('\uFFFD')) is { } garbled)
        {
            Early(args).Error(Failure.Usage($"the argument {garbled} is not UTF-8", "use a UTF-8 locale, or type it in ASCII"));
            return ExitCodes.Usage;
        }
        // Without @file expansion: an argument that begins with @ is that argument.
        var parse = Build().Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parse.Action is ParseErrorAction
            || (parse.Action == parse.CommandResult.Command.Action && WrongCommandLine.Strays(parse).Count > 0))
        {
            Early(args).Error(WrongCommandLine.Of(parse));
            return ExitCodes.Usage;
        }
        return await parse.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null }, cancel);
    }

    private static Printer Early(string[] args) => new(new OutputChoice(WantsJson(args) ? OutputFormat.Json : OutputFormat.Table));

    // By hand: a command line that did not parse gives no values.
    private static bool WantsJson(string[] args) =>
        args.Zip(args.Skip(1)).Any(pair => pair is ("-o" or "--output", "json"))
            || args.Any(a => a is "-o=json" or "-o:json" or "-ojson" or "--output=json" or "--output:json");

    private static RootCommand Build()
    {
        var root = new RootCommand(
            "Launches instances and makes each a Puppet-managed node: certname, certificate, node definition, first Puppet run.")
        {
            new LaunchVerb(),
            Group("instance", "Instances", new InstanceListVerb(), new InstanceShowVerb(), new InstanceWatchVerb(),
                new InstanceExplainVerb(),
                new InstanceTimelineVerb(),
                new InstanceConsoleVerb(), new InstanceUserDataVerb(), new InstanceRegisterVerb(), new InstanceRetryVerb(),
                new InstanceProtectVerb(),
                new InstanceTtlVerb(), new InstanceQuarantineVerb(), new InstanceTerminateVerb()),
            Group("event", "What becomes of instances, for other systems", new EventWatchVerb(),
                Group("dead-letters", "Events that webhooks did not take", new DeadLettersListVerb(), new DeadLettersReplayVerb(),
                    new DeadLettersDeleteVerb())),
            Group("profile", "Launch profiles, kept in the bucket", new ProfileListVerb(), new ProfileShowVerb(), new ProfileValidateVerb(),
                new ProfilePutVerb(), new ProfileEditVerb()),
            Group("node", "Node definitions", new NodeListVerb(), new NodeShowVerb(), new NodeSetVerb(), new NodeEditVerb(),
                new NodeExplainVerb(), new NodeCheckVerb(), new NodeHistoryVerb(), new NodeDiffVerb(), new NodeRollbackVerb(),
                new NodeDeleteVerb()),
            Group("layers", "Defaults and groups, below every node's own definition", new LayersShowVerb(), new LayersSetVerb(),
                new LayersEditVerb(), new LayersHistoryVerb(), new LayersRollbackVerb()),
            Group("certificate", "Certificates of nodes", new CertificateListVerb(), new CertificateExpiringVerb(),
                new CertificateShowVerb(), new CertificateRevokeVerb(), new CertificateRequestsVerb(),
                new CertificateApproveVerb(), new CertificateDenyVerb()),
            Group("bucket", "The object store that all records are in", new BucketCheckVerb()),
            Group("audit", "The audit log of CertAuthority", new AuditListVerb(), new AuditVerifyVerb(), new AuditExplainVerb()),
            Group("pki", "The internal PKI between overture's own parts and its people", new PkiInitVerb(), new PkiIssueVerb(),
                new PkiListVerb(), new PkiRevokeVerb(), new PkiPublishVerb()),
            Group("ca", "The Puppet CA", new CaInitVerb(), new CaImportVerb(), new CaExportVerb(), new CaAdminCertVerb()),
            Group("registry", "Redis, which services share", new RegistryInitVerb()),
            Group("hook", "What a puppetserver calls", new HookInstallVerb(), new HookCheckVerb()),
            Group("config", "Sites to work at: contexts, each with its addresses and certificate", new ContextListVerb(),
                new ContextCurrentVerb(), new ContextUseVerb(), new ContextSetVerb(), new ContextDeleteVerb(), new ConfigViewVerb()),
            new SetupVerb(),
            new DoctorVerb(),
            new SshVerb(),
            new GcVerb(),
            new HealthVerb(),
            new UiVerb(),
            new CompletionVerb(),
            new VersionVerb(),
        };
        foreach (var option in Globals.All)
            root.Options.Add(option);
        VerbAliases.Add(root);
        foreach (var option in root.Options)
        {
            if (option is HelpOption help && help.Action is HelpAction usual)
                help.Action = new HelpText(usual);
        }
        return root;
    }

    private static Command Group(string name, string description, params Command[] verbs)
    {
        var group = new Command(name, description);
        foreach (var verb in verbs)
            group.Subcommands.Add(verb);
        return group;
    }
}
